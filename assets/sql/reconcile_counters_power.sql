-- Grain: inverter, local day and energy. Growth of the daily counter against integrated power over
-- the same steps between points, of at most 15 minutes because the curve over a longer step is
-- unknown. A step over which the counter falls is its reset.
WITH readings AS (
    SELECT
        inverter_serial,
        local_date,
        time,
        {
            solar_w: solar_power_w,
            grid_import_w: if(grid_power_w IS NULL, NULL, greatest(-grid_power_w, 0)),
            grid_export_w: if(grid_power_w IS NULL, NULL, greatest(grid_power_w, 0)),
            battery_charge_w: if(battery_power_w IS NULL, NULL, greatest(-battery_power_w, 0)),
            battery_discharge_w: if(battery_power_w IS NULL, NULL, greatest(battery_power_w, 0)),
            consumption_w: consumption_power_w,
            solar_kwh: today_solar_kwh,
            grid_import_kwh: today_grid_import_kwh,
            grid_export_kwh: today_grid_export_kwh,
            battery_charge_kwh: today_battery_charge_kwh,
            battery_discharge_kwh: today_battery_discharge_kwh,
            consumption_kwh: today_consumption_kwh
        } AS reading
    FROM inverter_data_points
),
steps AS (
    SELECT
        inverter_serial,
        local_date,
        epoch(time - lag(time) OVER points) / 3600 AS hours,
        reading AS after,
        lag(reading) OVER points AS before
    FROM readings
    WINDOW points AS (PARTITION BY inverter_serial, local_date ORDER BY time)
),
energies AS (
    SELECT
        inverter_serial,
        local_date,
        hours,
        unnest([
            {
                item: 'solar',
                power_w: (before.solar_w + after.solar_w) / 2,
                step_kwh: after.solar_kwh - before.solar_kwh
            },
            {
                item: 'grid_import',
                power_w: (before.grid_import_w + after.grid_import_w) / 2,
                step_kwh: after.grid_import_kwh - before.grid_import_kwh
            },
            {
                item: 'grid_export',
                power_w: (before.grid_export_w + after.grid_export_w) / 2,
                step_kwh: after.grid_export_kwh - before.grid_export_kwh
            },
            {
                item: 'battery_charge',
                power_w: (before.battery_charge_w + after.battery_charge_w) / 2,
                step_kwh: after.battery_charge_kwh - before.battery_charge_kwh
            },
            {
                item: 'battery_discharge',
                power_w: (before.battery_discharge_w + after.battery_discharge_w) / 2,
                step_kwh: after.battery_discharge_kwh - before.battery_discharge_kwh
            },
            {
                item: 'consumption',
                power_w: (before.consumption_w + after.consumption_w) / 2,
                step_kwh: after.consumption_kwh - before.consumption_kwh
            }
        ], recursive := true)
    FROM steps
    WHERE hours <= 0.25
)
SELECT
    inverter_serial AS device_id,
    local_date AS day,
    item,
    count(*) AS compared,
    sum(step_kwh) AS counted_kwh,
    sum(power_w * hours) / 1000 AS integrated_kwh,
    integrated_kwh - counted_kwh AS deviation_kwh,
    greatest(1, 0.1 * counted_kwh) AS highest_kwh,
    abs(deviation_kwh) <= highest_kwh AS is_within
FROM energies
WHERE power_w IS NOT NULL AND step_kwh > -0.11
GROUP BY inverter_serial, local_date, item
