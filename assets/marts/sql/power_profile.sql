-- The typical power of each inverter by calendar month, weekday and half hour of the local day.
--
-- Each half hour of each day is one value, the mean of its points; the profile is of these values
-- over all years. In autumn the hour that clocks show twice is one value of both; in spring the
-- hour that they skip has none.
--
-- key: inverter_serial, month_number, weekday, half_hour
-- reads: inverter_data_points, inverter_days
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- month_number bigint: Month of the year, 1 to 12.
-- weekday bigint: 1 for Monday to 7 for Sunday.
-- half_hour time: Start of the half hour on the clock.
-- home_mean_w double: Mean power of the home.
-- home_p10_w double: Power of the home below which one half hour in ten is.
-- home_p90_w double: Power of the home above which one half hour in ten is.
-- solar_mean_w double: Mean PV power.
-- solar_p10_w double: PV power below which one half hour in ten is.
-- solar_p90_w double: PV power above which one half hour in ten is.
-- import_mean_w double: Mean power taken from the grid.
-- export_mean_w double: Mean power given to the grid.
-- charge_mean_w double: Mean power into the battery.
-- discharge_mean_w double: Mean power from the battery.
-- battery_mean_percent double: Mean state of charge.
-- days bigint: Days with points in that half hour.
-- home_days bigint: Days of which the power of the home is known.
-- solar_days bigint: Days of which PV power is known.
-- grid_days bigint: Days of which the power of the grid is known.
-- battery_days bigint: Days of which the power of the battery is known.
-- percent_days bigint: Days of which the state of charge is known.
-- days_expected bigint: Such days that were requested or are expected.
-- source varchar: inverter_data_points.
-- is_complete boolean: Whether each of them has points in it; never for the hour that clocks skip.
-- is_final boolean: Whether all of them were fetched after their data could change.
with
    half_hours as (
        select
            inverter_serial,
            local_date,
            2 * hour(local_time) + (minute(local_time) >= 30)::int as half_hour,
            avg(consumption_power_w) as home_w,
            avg(solar_power_w) as solar_w,
            avg(greatest(- grid_power_w, 0)) filter (where grid_power_w is not null) as import_w,
            avg(greatest(grid_power_w, 0)) filter (where grid_power_w is not null) as export_w,
            avg(greatest(- battery_power_w, 0)) filter (
                where battery_power_w is not null
            ) as charge_w,
            avg(greatest(battery_power_w, 0)) filter (
                where battery_power_w is not null
            ) as discharge_w,
            avg(battery_percent) as battery_percent
        from inverter_data_points
        group by inverter_serial, local_date, half_hour
    ),
    profile as (
        select
            inverter_serial,
            month(local_date) as month_number,
            isodow(local_date) as weekday,
            half_hour,
            avg(home_w) as home_mean_w,
            quantile_cont(home_w, [0.1, 0.9]) as home_w,
            avg(solar_w) as solar_mean_w,
            quantile_cont(solar_w, [0.1, 0.9]) as solar_w,
            avg(import_w) as import_mean_w,
            avg(export_w) as export_mean_w,
            avg(charge_w) as charge_mean_w,
            avg(discharge_w) as discharge_mean_w,
            avg(battery_percent) as battery_mean_percent,
            count(*) as days,
            count(home_w) as home_days,
            count(solar_w) as solar_days,
            count(import_w) as grid_days,
            count(charge_w) as battery_days,
            count(battery_percent) as percent_days
        from half_hours
        group by inverter_serial, month_number, weekday, half_hour
    ),
    expected as (
        select
            inverter_serial,
            month(local_date) as month_number,
            isodow(local_date) as weekday,
            count(*) as days_expected,
            bool_and(points_state in ('complete', 'empty')) as is_final
        from inverter_days
        where points_state is not null
        group by inverter_serial, month_number, weekday
    )
select
    inverter_serial,
    month_number,
    weekday,
    time '00:00' + to_minutes(30 * half_hour) as half_hour,
    home_mean_w,
    home_w[1] as home_p10_w,
    home_w[2] as home_p90_w,
    solar_mean_w,
    solar_w[1] as solar_p10_w,
    solar_w[2] as solar_p90_w,
    import_mean_w,
    export_mean_w,
    charge_mean_w,
    discharge_mean_w,
    battery_mean_percent,
    days,
    home_days,
    solar_days,
    grid_days,
    battery_days,
    percent_days,
    coalesce(days_expected, days) as days_expected,
    'inverter_data_points' as source,
    days >= coalesce(days_expected, days) as is_complete,
    coalesce(is_final, false) as is_final
from profile
left join expected using (inverter_serial, month_number, weekday)
