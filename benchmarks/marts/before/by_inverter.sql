-- What each counts for is left to the reader, and so are days that lack half hours.
select
    inverter_serial,
    model,
    round(sum(pv_to_home_kwh + pv_to_battery_kwh + pv_to_grid_kwh), 2) as solar_kwh,
    round(sum(pv_to_battery_kwh + grid_to_battery_kwh), 2) as charge_kwh,
    round(sum(battery_to_home_kwh + battery_to_grid_kwh), 2) as discharge_kwh
from energy_flows
inner join inverters using (inverter_serial)
where valid_to is null and local_date between '2025-04-01' and '2025-04-30'
group by all
order by inverter_serial
