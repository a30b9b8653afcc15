-- Energy of each local day: the day's counters at its last point.
select
    inverter_serial as inverter,
    local_date,
    count(*) as points,
    round(arg_max(today_solar_kwh, time), 1) as solar_kwh,
    round(arg_max(today_consumption_kwh, time), 1) as consumption_kwh,
    round(arg_max(today_grid_import_kwh, time), 1) as import_kwh,
    round(arg_max(today_grid_export_kwh, time), 1) as export_kwh
from inverter_data_points
-- The first points after midnight can still have the previous day's counters.
where local_time::time >= time '00:30'
group by all
order by local_date desc, inverter
limit 6
