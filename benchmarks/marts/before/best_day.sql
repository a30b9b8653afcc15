select local_date, round(sum(pv_to_home_kwh + pv_to_battery_kwh + pv_to_grid_kwh), 2) as solar_kwh
from energy_flows
where inverter_serial = 'XA0000G001' and start_at < '2025-04-30 23:00Z'
group by local_date
order by solar_kwh desc
limit 3
