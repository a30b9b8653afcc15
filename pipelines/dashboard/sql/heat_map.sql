-- Energies by hour of the clock and day; of all years, means of a day by month.
--
-- The hour that clocks show twice in autumn is the sum of both, the one that they skip in spring
-- has no row. An hour is null unless all of its half hours are known.
--
-- key: local_date, hour
-- reads: {{ half_hourly }}
-- parameters:
-- device: Site or inverter.
-- period: Period that is shown.
-- zone: Time zone of the days.
-- start: First day.
-- end: Last day.
-- columns:
-- local_date: Local day; of all years, the first day of the month.
-- hour: Hour of the clock, 0 to 23.
-- solar_kwh: Solar energy.
-- home_kwh: Energy used in the home.
-- import_kwh: Energy taken from the grid.
-- export_kwh: Energy given to the grid.
-- days: Days of which the solar energy of the hour is known.
-- home_days: Days of which that of the home is known.
with
    days as (
        select
            unnest(
                generate_series($start::date::timestamp, $end::date::timestamp, interval 1 day)
            )::date as day,
            timezone($zone, day::timestamp) as starts_at,
            timezone($zone, day + interval 1 day) as ends_at,
            epoch(ends_at) - epoch(starts_at) = 86400 as is_usual
    ),
    changing_hours as (
        select
            day,
            timezone(
                $zone,
                unnest(generate_series(starts_at, ends_at - interval 30 minute, interval 30 minute))
            ) as start_local
        from days
        where not is_usual
    ),
    expected as (
        select day, unnest(range(24)) as hour, 2 as half_hours
        from days
        where is_usual
        union all
        select day, hour(start_local) as hour, count(*) as half_hours
        from changing_hours
        group by day, hour
    ),
    sums as (
        select
            local_date as day,
            hour(start_local) as hour,
            sum(solar_kwh) as solar,
            sum(home_kwh) as home,
            sum(import_kwh) as import,
            sum(export_kwh) as export,
            count(solar_kwh) as solar_known,
            count(home_kwh) as home_known,
            count(import_kwh) as import_known,
            count(export_kwh) as export_known
        from {{ half_hourly }}
        where {{ device }} = $device and local_date between $start::date and $end::date
        group by day, hour
    ),
    hours as (
        select
            day,
            hour,
            case when solar_known = half_hours then solar end as solar_kwh,
            case when home_known = half_hours then home end as home_kwh,
            case when import_known = half_hours then import end as import_kwh,
            case when export_known = half_hours then export end as export_kwh
        from expected
        left join sums using (day, hour)
    )
select
    case when $period = 'all' then date_trunc('month', day)::date else day end as local_date,
    hour,
    round(avg(solar_kwh), case when $period = 'all' then 2 else 3 end) as solar_kwh,
    round(avg(home_kwh), case when $period = 'all' then 2 else 3 end) as home_kwh,
    round(avg(import_kwh), case when $period = 'all' then 2 else 3 end) as import_kwh,
    round(avg(export_kwh), case when $period = 'all' then 2 else 3 end) as export_kwh,
    count(solar_kwh) as days,
    count(home_kwh) as home_days
from hours
group by local_date, hour
order by local_date, hour
