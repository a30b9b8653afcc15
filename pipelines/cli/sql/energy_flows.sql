-- Energy of each month by source and destination.
select
    strftime(local_date, '%Y-%m') as month,
    round(sum(pv_to_home_kwh), 1) as pv_to_home_kwh,
    round(sum(pv_to_battery_kwh), 1) as pv_to_battery_kwh,
    round(sum(pv_to_grid_kwh), 1) as pv_to_grid_kwh,
    round(sum(grid_to_home_kwh), 1) as grid_to_home_kwh,
    round(sum(grid_to_battery_kwh), 1) as grid_to_battery_kwh,
    round(sum(battery_to_home_kwh), 1) as battery_to_home_kwh,
    round(sum(battery_to_grid_kwh), 1) as battery_to_grid_kwh
from energy_flows
group by month
order by month
