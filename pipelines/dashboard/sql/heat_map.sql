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
-- start_at: First instant of the first day.
-- end_at: First instant after the last day.
-- columns:
-- local_date: Local day; of all years, the first day of the month.
-- hour: Hour of the clock, 0 to 23.
-- solar_kwh: Solar energy.
-- home_kwh: Energy used in the home.
-- import_kwh: Energy taken from the grid.
-- export_kwh: Energy given to the grid.
-- days: Days of which the solar energy of the hour is known.
with
    balance as (
        select start_at, solar_kwh, home_kwh, import_kwh, export_kwh
        from {{ half_hourly }}
        where {{ device }} = $device and local_date between $start::date and $end::date
    ),
    expected as (
        select
            unnest(
                generate_series(
                    $start_at::timestamptz,
                    $end_at::timestamptz - interval 30 minute,
                    interval 30 minute
                )
            ) as start_at,
            timezone($zone, start_at) as start_local
    ),
    hours as (
        select
            start_local::date as day,
            hour(start_local) as hour,
            case when count(solar_kwh) = count(*) then sum(solar_kwh) end as solar_kwh,
            case when count(home_kwh) = count(*) then sum(home_kwh) end as home_kwh,
            case when count(import_kwh) = count(*) then sum(import_kwh) end as import_kwh,
            case when count(export_kwh) = count(*) then sum(export_kwh) end as export_kwh
        from expected
        left join balance using (start_at)
        group by day, hour
    )
select
    case when $period = 'all' then date_trunc('month', day)::date else day end as local_date,
    hour,
    round(avg(solar_kwh), 3) as solar_kwh,
    round(avg(home_kwh), 3) as home_kwh,
    round(avg(import_kwh), 3) as import_kwh,
    round(avg(export_kwh), 3) as export_kwh,
    count(solar_kwh) as days
from hours
group by local_date, hour
order by local_date, hour
