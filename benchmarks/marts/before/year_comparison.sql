-- Without days that lack half hours, which the mart takes from counters.
select
    year(local_date) as year,
    round(sum(pv_to_home_kwh + pv_to_battery_kwh + pv_to_grid_kwh), 1) as solar_kwh,
    round(sum(grid_to_home_kwh + grid_to_battery_kwh), 1) as import_kwh,
    round(sum(pv_to_home_kwh + grid_to_home_kwh + battery_to_home_kwh), 1) as home_kwh,
    count(distinct local_date) as whole_days
from energy_flows
where inverter_serial = 'XA0000G001' and month(local_date) = 4
group by year
order by year
