-- The typical local day of each inverter in a month of the year, over all years, by half hour.
--
-- key: inverter_serial, half_hour
-- reads: power_profile
-- parameters:
-- month_of_year: Month, 1 to 12.
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- half_hour time: Start of the half hour on the clock.
-- home_mean_w double: Mean power of the home.
-- solar_mean_w double: Mean PV power.
-- import_mean_w double: Mean power taken from the grid.
-- export_mean_w double: Mean power given to the grid.
-- charge_mean_w double: Mean power into the battery.
-- discharge_mean_w double: Mean power from the battery.
-- battery_mean_percent double: Mean state of charge.
-- days bigint: Days with points in that half hour.
select
    inverter_serial,
    half_hour,
    sum(home_mean_w * home_days) / nullif(sum(home_days), 0) as home_mean_w,
    sum(solar_mean_w * solar_days) / nullif(sum(solar_days), 0) as solar_mean_w,
    sum(import_mean_w * grid_days) / nullif(sum(grid_days), 0) as import_mean_w,
    sum(export_mean_w * grid_days) / nullif(sum(grid_days), 0) as export_mean_w,
    sum(charge_mean_w * battery_days) / nullif(sum(battery_days), 0) as charge_mean_w,
    sum(discharge_mean_w * battery_days) / nullif(sum(battery_days), 0) as discharge_mean_w,
    sum(battery_mean_percent * percent_days) / nullif(sum(percent_days), 0) as battery_mean_percent,
    sum(days)::bigint as days
from power_profile
where month_number = month_of_year
group by inverter_serial, half_hour
