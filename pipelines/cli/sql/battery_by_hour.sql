-- Average state and power of the batteries by hour of the day.
SELECT
    hour(local_time) AS hour,
    round(avg(battery_percent)) AS state_of_charge_percent,
    round(avg(battery_power_w)) AS battery_power_w,
    round(avg(solar_power_w)) AS solar_power_w
FROM inverter_data_points
WHERE hour(local_time) % 4 = 0
GROUP BY 1
ORDER BY 1
