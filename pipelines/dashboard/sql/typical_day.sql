-- The typical day of the shown period: power by half hour of the clock.
--
-- From the energies of half hours. In autumn the hour that clocks show twice counts twice.
--
-- key: half_hour
-- reads: {{ half_hourly }}
-- parameters:
-- device: Site or inverter.
-- start: First day.
-- end: Last day.
-- columns:
-- half_hour: Start of the half hour on the clock.
-- home_mean_w: Mean power of the home.
-- home_p10_w: Power of the home below which one half hour in ten is.
-- home_p90_w: Power of the home above which one half hour in ten is.
-- solar_mean_w: Mean PV power.
-- solar_p10_w: PV power below which one half hour in ten is.
-- solar_p90_w: PV power above which one half hour in ten is.
-- import_mean_w: Mean power taken from the grid.
-- export_mean_w: Mean power given to the grid.
-- days: Days of which the solar energy of the half hour is known.
-- home_days: Days of which that of the home and the grid is known.
select
    strftime(start_local, '%H:%M') as half_hour,
    round(2000 * avg(home_kwh)) as home_mean_w,
    round(2000 * quantile_cont(home_kwh, 0.1)) as home_p10_w,
    round(2000 * quantile_cont(home_kwh, 0.9)) as home_p90_w,
    round(2000 * avg(solar_kwh)) as solar_mean_w,
    round(2000 * quantile_cont(solar_kwh, 0.1)) as solar_p10_w,
    round(2000 * quantile_cont(solar_kwh, 0.9)) as solar_p90_w,
    round(2000 * avg(import_kwh)) as import_mean_w,
    round(2000 * avg(export_kwh)) as export_mean_w,
    count(distinct local_date) filter (where solar_kwh is not null) as days,
    count(distinct local_date) filter (where home_kwh is not null) as home_days
from {{ half_hourly }}
where {{ device }} = $device and local_date between $start::date and $end::date
group by half_hour
order by half_hour
