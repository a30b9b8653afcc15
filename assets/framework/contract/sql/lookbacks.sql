-- Grain: device, filter and start of the requested time, of recent complete responses and
-- the newest one per device and filter. When it was last fetched.
select
    device_id,
    case when $filter = '' then '' else params ->> $filter end as filter_value,
    params ->> $start as start,
    max(fetched_at) as answered_at
from requests
where dataset = $dataset and outcome = 'ok' and complete and page = 1 and source = 'api'
group by 1, 2, 3
qualify
    answered_at > $since
    or row_number() over (partition by device_id, filter_value order by answered_at desc) = 1
