-- Coverage and completeness have to be looked up separately: this adds up what is there.
select
    local_date,
    round(sum(pv_to_home_kwh + pv_to_battery_kwh + pv_to_grid_kwh), 2) as solar_kwh,
    round(sum(grid_to_home_kwh + grid_to_battery_kwh), 2) as import_kwh,
    round(sum(pv_to_grid_kwh + battery_to_grid_kwh), 2) as export_kwh,
    round(sum(pv_to_battery_kwh + grid_to_battery_kwh), 2) as charge_kwh,
    count(*) = 48 as is_complete
from energy_flows
where inverter_serial = 'XA0000G001' and local_date between '2025-04-01' and '2025-04-05'
group by local_date
order by local_date
