-- Grain: inverter, grouping and first requested day. The day up to which responses were final:
-- values can be revised until five days after their day.
select
    device_id,
    (params ->> 'grouping')::integer as grouping_code,
    (params ->> 'start_time')::date as first_date,
    max(least((params ->> 'end_time')::date, timezone('UTC', fetched_at)::date - 5)) as settled_date
from requests
where dataset = $dataset and outcome = 'ok' and complete and source = 'api'
group by all
order by first_date
