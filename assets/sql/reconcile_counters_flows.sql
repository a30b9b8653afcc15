-- Grain: inverter, local day and energy. The half hours' flows against the last reading of the
-- day's counter, for days of which no half hour is missing or can still be revised, and whose last
-- point came in the last ten minutes. What flows to the home includes the losses of the inverter,
-- which the counter of consumption leaves out.
WITH counters AS (
    SELECT
        inverter_serial,
        local_date,
        arg_max(today_solar_kwh, time) AS solar,
        arg_max(today_grid_import_kwh, time) AS grid_import,
        arg_max(today_grid_export_kwh, time) AS grid_export,
        arg_max(today_battery_charge_kwh, time) AS battery_charge,
        arg_max(today_battery_discharge_kwh, time) AS battery_discharge,
        arg_max(today_consumption_kwh, time) AS consumption
    FROM inverter_data_points
    GROUP BY inverter_serial, local_date
    HAVING max(local_time) >= local_date + INTERVAL 1430 MINUTE
),
flows AS (
    SELECT
        inverter_serial,
        local_date,
        count(*) AS half_hours,
        sum(pv_to_home_kwh) AS pv_to_home_kwh,
        sum(pv_to_battery_kwh) AS pv_to_battery_kwh,
        sum(pv_to_grid_kwh) AS pv_to_grid_kwh,
        sum(grid_to_home_kwh) AS grid_to_home_kwh,
        sum(grid_to_battery_kwh) AS grid_to_battery_kwh,
        sum(battery_to_home_kwh) AS battery_to_home_kwh,
        sum(battery_to_grid_kwh) AS battery_to_grid_kwh
    FROM energy_flows
    GROUP BY inverter_serial, local_date
    HAVING
        min(start_local) = local_date
        AND max(end_local) = local_date + INTERVAL 1 DAY
        AND sum(epoch(end_at - start_at)) = epoch(max(end_at) - min(start_at))
        AND bool_and(fetched_at >= end_at + INTERVAL 3 DAYS)
),
days AS (
    SELECT
        inverter_serial,
        local_date,
        half_hours,
        0.5 + 0.05 * greatest(solar, battery_discharge) AS tolerance_kwh,
        1 + 0.1 * (solar + battery_discharge) AS losses_kwh,
        unnest([
            {
                item: 'solar', counter_kwh: solar,
                flow_kwh: pv_to_home_kwh + pv_to_battery_kwh + pv_to_grid_kwh
            },
            {
                item: 'grid_import', counter_kwh: grid_import,
                flow_kwh: grid_to_home_kwh + grid_to_battery_kwh
            },
            {
                item: 'grid_export', counter_kwh: grid_export,
                flow_kwh: pv_to_grid_kwh + battery_to_grid_kwh
            },
            {
                item: 'battery_charge', counter_kwh: battery_charge,
                flow_kwh: pv_to_battery_kwh + grid_to_battery_kwh
            },
            {
                item: 'battery_discharge', counter_kwh: battery_discharge,
                flow_kwh: battery_to_home_kwh + battery_to_grid_kwh
            },
            {
                item: 'consumption', counter_kwh: consumption,
                flow_kwh: pv_to_home_kwh + grid_to_home_kwh + battery_to_home_kwh
            }
        ], recursive := true)
    FROM counters
    INNER JOIN flows USING (inverter_serial, local_date)
)
SELECT
    inverter_serial AS device_id,
    local_date AS day,
    item,
    half_hours AS compared,
    counter_kwh,
    flow_kwh,
    flow_kwh - counter_kwh AS deviation_kwh,
    -tolerance_kwh AS lowest_kwh,
    tolerance_kwh + if(item = 'consumption', losses_kwh, 0) AS highest_kwh,
    deviation_kwh BETWEEN lowest_kwh AND highest_kwh AS is_within
FROM days
WHERE deviation_kwh IS NOT NULL
