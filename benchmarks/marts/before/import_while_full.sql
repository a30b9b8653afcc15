select
    flows.start_local,
    flows.grid_to_home_kwh + flows.grid_to_battery_kwh as import_kwh,
    min(points.battery_percent) as battery_percent
from energy_flows as flows
inner join
    inverter_data_points as points
    on points.inverter_serial = flows.inverter_serial
    and points.time >= flows.start_at
    and points.time < flows.end_at
where flows.inverter_serial = 'XA0000G000' and flows.local_date >= '2025-04-01'
group by all
having import_kwh > 0.05 and min(points.battery_percent) >= 98
order by import_kwh desc, flows.start_local
limit 3
