-- Average state and power of the batteries by hour of the day.
select
    hour(local_time) as hour,
    round(avg(battery_percent)) as state_of_charge_percent,
    round(avg(battery_power_w)) as battery_power_w,
    round(avg(solar_power_w)) as solar_power_w
from inverter_data_points
where hour(local_time) % 4 = 0
group by 1
order by 1
