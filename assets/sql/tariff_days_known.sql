-- Grain: day that was requested and answered, or not found. Whether it has rows.
with
    asked as (
        select
            coalesce(
                params ->> 'start_date', regexp_extract(path, '[0-9]{4}-[0-9]{2}-[0-9]{2}$')
            )::date as day,
            bool_or(outcome = 'ok') as is_answered
        from requests
        where dataset = $dataset and (outcome = 'ok' or status = 404)
        group by all
    ),
    filled as (
        select 'tariff_automation' as dataset, date
        from tariff_automation
        union
        select 'tariff_scheduler_slots', date
        from tariff_scheduler_slots
    )
select
    day, is_answered, day in (select date from filled where filled.dataset = $dataset) as has_rows
from asked
