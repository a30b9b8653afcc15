-- Grain: one. The median number of responses in a minute in which requests went on throughout:
-- those
-- before and after it had some too.
with
    minutes as (
        select date_trunc('minute', fetched_at) as began_at, count(*) as responses
        from requests
        where outcome = 'ok' and source = 'api' and fetched_at > now() - interval 90 days
        group by began_at
    ),
    inner_minutes as (
        select
            responses,
            lag(began_at) over (order by began_at) = began_at - interval 1 minute
            and lead(began_at) over (order by began_at) = began_at + interval 1 minute as is_inner
        from minutes
    )
select median(responses) as per_minute, count(*) as minutes
from inner_minutes
where is_inner
