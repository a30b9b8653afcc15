-- Energy of each local day: the maximum of the day's counters.
SELECT
    inverter_serial AS inverter,
    local_date,
    count(*) AS points,
    round(max(today_solar_kwh), 1) AS solar_kwh,
    round(max(today_consumption_kwh), 1) AS consumption_kwh,
    round(max(today_grid_import_kwh), 1) AS import_kwh,
    round(max(today_grid_export_kwh), 1) AS export_kwh
FROM inverter_data_points
-- The first points after midnight can still have the previous day's counters.
WHERE local_time::TIME >= TIME '00:30'
GROUP BY ALL
ORDER BY local_date DESC, inverter
LIMIT 6
