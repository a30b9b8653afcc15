-- The energy balance of the shown day by half hour; energies are null where it is missing. Other
-- periods have no rows.
--
-- key: start_at
-- reads: {{ half_hourly }}
-- parameters:
-- device: Site or inverter.
-- period: Period that is shown.
-- zone: Time zone of the day.
-- start_at: First instant of the first day.
-- end_at: First instant after the last day.
-- start: First day.
-- end: Last day.
-- columns:
-- start_at: Start of the half hour, UTC.
-- start_local: Start on the clock; in autumn one hour occurs twice.
-- settlement_period: Number of the half hour in the local day, from 1.
-- pv_to_home_kwh: Solar energy used in the home directly.
-- pv_to_battery_kwh: Solar energy that charged batteries.
-- pv_to_grid_kwh: Solar energy exported.
-- grid_to_home_kwh: Grid energy used in the home directly.
-- grid_to_battery_kwh: Grid energy that charged batteries.
-- battery_to_home_kwh: Battery energy used in the home.
-- battery_to_grid_kwh: Battery energy exported.
-- solar_kwh: Solar energy.
-- import_kwh: Energy taken from the grid.
-- export_kwh: Energy given to the grid.
-- charge_kwh: Energy put into batteries.
-- discharge_kwh: Energy taken from batteries.
-- home_kwh: Energy used in the home, with what the inverters themselves use.
-- source: energy_flows; inverter_data_points if it is derived from them; null if it is missing.
-- is_complete: Whether the half hour is known, of all inverters that count.
with
    expected as (
        select
            unnest(
                generate_series(
                    $start_at::timestamptz,
                    $end_at::timestamptz - interval 30 minute,
                    interval 30 minute
                )
            ) as start_at
        where $period = 'day'
    ),
    balance as (
        from {{ half_hourly }}
        where {{ device }} = $device and local_date between $start::date and $end::date
    )
select
    start_at,
    strftime(timezone($zone, start_at), '%H:%M') as start_local,
    row_number() over (
        partition by timezone($zone, start_at)::date order by start_at
    ) as settlement_period,
    balance.pv_to_home_kwh,
    balance.pv_to_battery_kwh,
    balance.pv_to_grid_kwh,
    balance.grid_to_home_kwh,
    balance.grid_to_battery_kwh,
    balance.battery_to_home_kwh,
    balance.battery_to_grid_kwh,
    balance.solar_kwh,
    balance.import_kwh,
    balance.export_kwh,
    balance.charge_kwh,
    balance.discharge_kwh,
    balance.home_kwh,
    balance.source,
    coalesce(balance.is_complete, false) as is_complete
from expected
left join balance using (start_at)
order by start_at
