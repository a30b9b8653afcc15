-- Grain: inverter and half hour (UTC). The flows as the API sends them, and for half hours that it
-- has not sent those derived from data points; `source` says which.
select
    inverter_serial,
    start_at,
    start_local,
    local_date,
    pv_to_home_kwh,
    pv_to_battery_kwh,
    pv_to_grid_kwh,
    grid_to_home_kwh,
    grid_to_battery_kwh,
    battery_to_home_kwh,
    battery_to_grid_kwh,
    pv_to_home_kwh + pv_to_battery_kwh + pv_to_grid_kwh as solar_kwh,
    grid_to_home_kwh + grid_to_battery_kwh as import_kwh,
    pv_to_grid_kwh + battery_to_grid_kwh as export_kwh,
    pv_to_battery_kwh + grid_to_battery_kwh as charge_kwh,
    battery_to_home_kwh + battery_to_grid_kwh as discharge_kwh,
    pv_to_home_kwh + grid_to_home_kwh + battery_to_home_kwh as home_kwh,
    'energy_flows' as source
from energy_flows
union all by name
select *
from half_hourly_balance_from_points as derived
anti join energy_flows using (inverter_serial, start_at)
