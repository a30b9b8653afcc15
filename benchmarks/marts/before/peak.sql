select start_local, round(pv_to_home_kwh + grid_to_home_kwh + battery_to_home_kwh, 2) as home_kwh
from energy_flows
where inverter_serial = 'XA0000G001' and start_at < '2025-04-30 23:00Z'
order by home_kwh desc, start_at
limit 1
