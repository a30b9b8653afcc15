-- Grain: inverter, local day and flow. The half hours' sum against what the API says of the day,
-- for days of which no half hour is missing and neither can still be revised.
WITH half_hourly AS (
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
daily AS (
    SELECT *, start_local::DATE AS local_date
    FROM energy_flow_aggregates
    WHERE grouping = 1 AND fetched_at >= end_at + INTERVAL 3 DAYS
),
days AS (
    SELECT
        inverter_serial,
        local_date,
        half_hours,
        unnest([
            {
                item: 'pv_to_home',
                half_hourly_kwh: half_hourly.pv_to_home_kwh,
                daily_kwh: daily.pv_to_home_kwh
            },
            {
                item: 'pv_to_battery',
                half_hourly_kwh: half_hourly.pv_to_battery_kwh,
                daily_kwh: daily.pv_to_battery_kwh
            },
            {
                item: 'pv_to_grid',
                half_hourly_kwh: half_hourly.pv_to_grid_kwh,
                daily_kwh: daily.pv_to_grid_kwh
            },
            {
                item: 'grid_to_home',
                half_hourly_kwh: half_hourly.grid_to_home_kwh,
                daily_kwh: daily.grid_to_home_kwh
            },
            {
                item: 'grid_to_battery',
                half_hourly_kwh: half_hourly.grid_to_battery_kwh,
                daily_kwh: daily.grid_to_battery_kwh
            },
            {
                item: 'battery_to_home',
                half_hourly_kwh: half_hourly.battery_to_home_kwh,
                daily_kwh: daily.battery_to_home_kwh
            },
            {
                item: 'battery_to_grid',
                half_hourly_kwh: half_hourly.battery_to_grid_kwh,
                daily_kwh: daily.battery_to_grid_kwh
            }
        ], recursive := true)
    FROM half_hourly
    INNER JOIN daily USING (inverter_serial, local_date)
)
SELECT
    inverter_serial AS device_id,
    local_date AS day,
    item,
    half_hours AS compared,
    daily_kwh,
    half_hourly_kwh,
    half_hourly_kwh - daily_kwh AS deviation_kwh,
    0.1 + 0.01 * abs(daily_kwh) AS highest_kwh,
    abs(deviation_kwh) <= highest_kwh AS is_within
FROM days
WHERE deviation_kwh IS NOT NULL
