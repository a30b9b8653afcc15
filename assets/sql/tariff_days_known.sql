-- Grain: day that was requested and answered, or refused because there is nothing. Whether that is
-- final, which it is once another whole day has passed, and whether the day has rows.
with
    asked as (
        select
            try_cast(
                coalesce(
                    params ->> 'start_date', regexp_extract(path, '[0-9]{4}-[0-9]{2}-[0-9]{2}$')
                ) as date
            ) as day,
            bool_or(outcome = 'ok') as is_answered,
            max(fetched_at) >= (day + interval 2 days)::timestamp at time zone 'UTC' as is_final
        from requests
        where
            dataset = $dataset
            and account = $account
            and source = 'api'
            and (outcome = 'ok' or status in (400, 404, 410, 422))
        group by day
    ),
    filled as (
        select 'tariff_automation' as dataset, account, date
        from tariff_automation
        union
        select 'tariff_scheduler_slots', account, date
        from tariff_scheduler_slots
    )
select
    day,
    is_answered,
    is_final,
    day in (select date from filled where dataset = $dataset and account = $account) as has_rows
from asked
where day is not null
