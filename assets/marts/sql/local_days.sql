-- Each local day of each time zone since 2010, with its first and last instant and its number of
-- half hours.
--
-- A day on which clocks change has 46 or 50 half hours. Days end one day after today.
--
-- key: zone, local_date
-- reads: expected_days
-- columns:
-- zone varchar: IANA name of the time zone.
-- local_date date: Local day.
-- starts_at timestamptz: First instant of the day, UTC.
-- ends_at timestamptz: First instant of the next day, UTC.
-- half_hours bigint: Number of half hours of the day: 48, or 46 or 50 where clocks change.
with
    zones as (select distinct coalesce(zone, 'UTC') as zone from expected_days),
    days as (
        select
            zone,
            unnest(
                generate_series(
                    timestamp '2010-01-01',
                    timezone(zone, now())::date + interval 1 day,
                    interval 1 day
                )
            )::date as local_date
        from zones
    )
select
    zone,
    local_date,
    timezone(zone, local_date::timestamp) as starts_at,
    timezone(zone, local_date + interval 1 day) as ends_at,
    ((epoch(ends_at) - epoch(starts_at)) / 1800)::bigint as half_hours
from days
