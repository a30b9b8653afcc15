-- Grain: inverter, local day and counter. Largest fall of the counter between two points. Counters
-- do not fall, except by 0.1 in the derived consumption, and at the reset at local midnight, which
-- points of the first hour may not have yet.
WITH readings AS (
    SELECT
        inverter_serial,
        local_date,
        time,
        local_time,
        {
            today_solar_kwh: today_solar_kwh,
            today_grid_import_kwh: today_grid_import_kwh,
            today_grid_export_kwh: today_grid_export_kwh,
            today_battery_charge_kwh: today_battery_charge_kwh,
            today_battery_discharge_kwh: today_battery_discharge_kwh,
            today_consumption_kwh: today_consumption_kwh,
            today_ac_charge_kwh: today_ac_charge_kwh,
            total_solar_kwh: total_solar_kwh,
            total_grid_import_kwh: total_grid_import_kwh,
            total_grid_export_kwh: total_grid_export_kwh,
            total_battery_charge_kwh: total_battery_charge_kwh,
            total_battery_discharge_kwh: total_battery_discharge_kwh,
            total_consumption_kwh: total_consumption_kwh,
            total_ac_charge_kwh: total_ac_charge_kwh
        } AS counters
    FROM inverter_data_points
),
steps AS (
    SELECT
        inverter_serial,
        local_date,
        time,
        local_date = lag(local_date) OVER points
        AND lag(local_time) OVER points >= local_date + INTERVAL 1 HOUR AS is_after_reset,
        counters AS after,
        lag(counters) OVER points AS before
    FROM readings
    WINDOW points AS (PARTITION BY inverter_serial ORDER BY time)
),
falls AS (
    SELECT
        inverter_serial,
        local_date,
        time,
        is_after_reset,
        unnest([
            {
                item: 'today_solar',
                fall_kwh: before.today_solar_kwh - after.today_solar_kwh
            },
            {
                item: 'today_grid_import',
                fall_kwh: before.today_grid_import_kwh - after.today_grid_import_kwh
            },
            {
                item: 'today_grid_export',
                fall_kwh: before.today_grid_export_kwh - after.today_grid_export_kwh
            },
            {
                item: 'today_battery_charge',
                fall_kwh: before.today_battery_charge_kwh - after.today_battery_charge_kwh
            },
            {
                item: 'today_battery_discharge',
                fall_kwh: before.today_battery_discharge_kwh - after.today_battery_discharge_kwh
            },
            {
                item: 'today_consumption',
                fall_kwh: before.today_consumption_kwh - after.today_consumption_kwh
            },
            {
                item: 'today_ac_charge',
                fall_kwh: before.today_ac_charge_kwh - after.today_ac_charge_kwh
            },
            {
                item: 'total_solar',
                fall_kwh: before.total_solar_kwh - after.total_solar_kwh
            },
            {
                item: 'total_grid_import',
                fall_kwh: before.total_grid_import_kwh - after.total_grid_import_kwh
            },
            {
                item: 'total_grid_export',
                fall_kwh: before.total_grid_export_kwh - after.total_grid_export_kwh
            },
            {
                item: 'total_battery_charge',
                fall_kwh: before.total_battery_charge_kwh - after.total_battery_charge_kwh
            },
            {
                item: 'total_battery_discharge',
                fall_kwh: before.total_battery_discharge_kwh - after.total_battery_discharge_kwh
            },
            {
                item: 'total_consumption',
                fall_kwh: before.total_consumption_kwh - after.total_consumption_kwh
            },
            {
                item: 'total_ac_charge',
                fall_kwh: before.total_ac_charge_kwh - after.total_ac_charge_kwh
            }
        ], recursive := true)
    FROM steps
    WHERE before IS NOT NULL
)
SELECT
    inverter_serial AS device_id,
    local_date AS day,
    item,
    count(*) AS compared,
    greatest(max(fall_kwh), 0) AS deviation_kwh,
    arg_max(time, fall_kwh) AS deviation_at,
    if(contains(item, 'consumption'), 0.1, 0) AS highest_kwh,
    deviation_kwh < highest_kwh + 0.01 AS is_within
FROM falls
WHERE fall_kwh IS NOT NULL AND (is_after_reset OR starts_with(item, 'total'))
GROUP BY inverter_serial, local_date, item
