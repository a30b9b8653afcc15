-- Grain: dataset and device of which another source than the API has rows. Their days.
select
    dataset,
    device_id,
    min(request_date) as first_date,
    max(coalesce(request_end_date, request_date)) as last_date
from requests
where
    source <> 'api' and outcome = 'ok' and rows > 0 and request_date is not null and device_id <> ''
group by all
