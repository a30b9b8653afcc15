-- What the batteries did over the day, on average.
SELECT
    hour(local_time) AS hour,
    round(avg(battery_percent)) AS state_of_charge_percent,
    round(avg(battery_power_w)) AS battery_power_w,
    round(avg(solar_power_w)) AS solar_power_w
FROM inverter_data_points
GROUP BY ALL
HAVING hour % 4 = 0
ORDER BY hour
