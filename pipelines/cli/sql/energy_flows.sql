-- Energy of each month by source and destination.
SELECT
    strftime(local_date, '%Y-%m') AS month,
    round(sum(pv_to_home_kwh), 1) AS pv_to_home_kwh,
    round(sum(pv_to_battery_kwh), 1) AS pv_to_battery_kwh,
    round(sum(pv_to_grid_kwh), 1) AS pv_to_grid_kwh,
    round(sum(grid_to_home_kwh), 1) AS grid_to_home_kwh,
    round(sum(grid_to_battery_kwh), 1) AS grid_to_battery_kwh,
    round(sum(battery_to_home_kwh), 1) AS battery_to_home_kwh,
    round(sum(battery_to_grid_kwh), 1) AS battery_to_grid_kwh
FROM energy_flows
GROUP BY month
ORDER BY month
