-- Grain: one row. The result of a comparison in assets.reconciliation.
with
    compared as (
        select device_id, day::varchar as day, item, {deviation} as deviation, is_within, compared
        from {view}
    )
select
    count(*) as rows,
    coalesce(sum(compared), 0)::bigint as compared,
    count(*) filter (where not is_within) as outside,
    arg_max(
        {{ device_id: device_id, day: day, item: item, deviation: deviation }}, abs(deviation)
    ) as largest,
    list(
        {{ device_id: device_id, day: day, item: item, deviation: deviation }}
        order by abs(deviation) desc
    ) filter (where not is_within)[:20] as worst
from compared
