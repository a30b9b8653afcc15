-- The energy balance of each half hour: flows of the API, and where it has none, derived from data
-- points.
--
-- The API calls energy flows deprecated since version 1.53, and nothing that replaces them has
-- history. The column `source` says where a half hour comes from.
--
-- key: inverter_serial, start_at
-- reads: energy_flows, half_hourly_balance_from_points
-- columns:
-- inverter_serial: Serial number of the inverter.
-- start_at: Start of the half hour, UTC.
-- start_local: Start in local time.
-- local_date: Local day.
-- pv_to_home_kwh: Solar energy used in the home directly.
-- pv_to_battery_kwh: Solar energy that charged the battery.
-- pv_to_grid_kwh: Solar energy exported.
-- grid_to_home_kwh: Grid energy used in the home directly.
-- grid_to_battery_kwh: Grid energy that charged the battery.
-- battery_to_home_kwh: Battery energy used in the home.
-- battery_to_grid_kwh: Battery energy exported.
-- solar_kwh: Solar energy.
-- import_kwh: Energy taken from the grid.
-- export_kwh: Energy given to the grid.
-- charge_kwh: Energy put into the battery.
-- discharge_kwh: Energy taken from the battery.
-- home_kwh: Energy used in the home; what the inverter itself uses is part of it.
-- source: Table that it comes from: energy_flows, or inverter_data_points if it is derived.
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
