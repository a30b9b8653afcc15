select
    local_date,
    count(*) as half_hours,
    max(
        1 + floor(epoch(start_at - timezone('Europe/London', local_date::timestamp)) / 1800)
    ) as last_period,
    round(sum(grid_to_home_kwh + grid_to_battery_kwh), 2) as import_kwh
from energy_flows
where
    inverter_serial = 'XA0000G001'
    and local_date in ('2024-03-31', '2024-10-27', '2024-10-28', '2025-03-30')
group by local_date
order by local_date
