-- The energy balance of each inverter and half hour: flows of the API, and where it has none,
-- derived from data points.
--
-- A half hour that neither has is missing: it has no row and is never 0. Flows below 0.005 kWh,
-- which are noise of the API's arithmetic, are 0; derived ones stay as they are. See
-- `docs/reconciliation.md` for how much derived ones differ. In autumn two half hours have the
-- same local time; `start_at` and `settlement_period` tell them apart.
--
-- key: inverter_serial, start_at
-- reads: energy_flows, derived_half_hours, inverter_data_points_without_flows, inverter_days
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- start_at timestamptz: Start of the half hour, UTC.
-- start_local timestamp: Start in local time.
-- local_date date: Local day.
-- settlement_period bigint: Number of the half hour in the local day, from 1 to 48; to 46 or 50
-- where clocks change.
-- half_hours_expected bigint: Half hours of the local day: 48, or 46 or 50 where clocks change.
-- is_ambiguous boolean: Whether the API sent this local time once where clocks show it twice.
-- pv_to_home_kwh double: Solar energy used in the home directly.
-- pv_to_battery_kwh double: Solar energy that charged the battery.
-- pv_to_grid_kwh double: Solar energy exported.
-- grid_to_home_kwh double: Grid energy used in the home directly.
-- grid_to_battery_kwh double: Grid energy that charged the battery.
-- battery_to_home_kwh double: Battery energy used in the home.
-- battery_to_grid_kwh double: Battery energy exported.
-- solar_kwh double: Solar energy.
-- import_kwh double: Energy taken from the grid.
-- export_kwh double: Energy given to the grid.
-- charge_kwh double: Energy put into the battery.
-- discharge_kwh double: Energy taken from the battery.
-- home_kwh double: Energy used in the home, with what the inverter itself uses.
-- source varchar: energy_flows, or inverter_data_points if it is derived.
-- is_complete boolean: Whether all seven flows are known.
-- is_final boolean: Whether the day was fetched after its data could change.
with
    balance as (
        select
            inverter_serial,
            start_at,
            start_local,
            local_date,
            coalesce(is_ambiguous, false) as is_ambiguous,
            case when abs(pv_to_home_kwh) < 0.005 then 0 else pv_to_home_kwh end as pv_to_home_kwh,
            case
                when abs(pv_to_battery_kwh) < 0.005 then 0 else pv_to_battery_kwh
            end as pv_to_battery_kwh,
            case when abs(pv_to_grid_kwh) < 0.005 then 0 else pv_to_grid_kwh end as pv_to_grid_kwh,
            case
                when abs(grid_to_home_kwh) < 0.005 then 0 else grid_to_home_kwh
            end as grid_to_home_kwh,
            case
                when abs(grid_to_battery_kwh) < 0.005 then 0 else grid_to_battery_kwh
            end as grid_to_battery_kwh,
            case
                when abs(battery_to_home_kwh) < 0.005 then 0 else battery_to_home_kwh
            end as battery_to_home_kwh,
            case
                when abs(battery_to_grid_kwh) < 0.005 then 0 else battery_to_grid_kwh
            end as battery_to_grid_kwh,
            'energy_flows' as source
        from energy_flows
        union all
        select
            inverter_serial,
            start_at,
            start_local,
            local_date,
            false as is_ambiguous,
            pv_to_home_kwh,
            pv_to_battery_kwh,
            pv_to_grid_kwh,
            grid_to_home_kwh,
            grid_to_battery_kwh,
            battery_to_home_kwh,
            battery_to_grid_kwh,
            source
        from derived_half_hours('inverter_data_points_without_flows') as derived
        anti join energy_flows using (inverter_serial, start_at)
    )
select
    balance.inverter_serial,
    balance.start_at,
    balance.start_local,
    balance.local_date,
    coalesce(
        ((epoch(balance.start_at) - epoch(days.starts_at)) / 1800)::bigint,
        2 * hour(balance.start_local) + (minute(balance.start_local) >= 30)::bigint
    )
    + 1 as settlement_period,
    coalesce(days.half_hours, 48) as half_hours_expected,
    balance.is_ambiguous,
    balance.pv_to_home_kwh,
    balance.pv_to_battery_kwh,
    balance.pv_to_grid_kwh,
    balance.grid_to_home_kwh,
    balance.grid_to_battery_kwh,
    balance.battery_to_home_kwh,
    balance.battery_to_grid_kwh,
    balance.pv_to_home_kwh + balance.pv_to_battery_kwh + balance.pv_to_grid_kwh as solar_kwh,
    balance.grid_to_home_kwh + balance.grid_to_battery_kwh as import_kwh,
    balance.pv_to_grid_kwh + balance.battery_to_grid_kwh as export_kwh,
    balance.pv_to_battery_kwh + balance.grid_to_battery_kwh as charge_kwh,
    balance.battery_to_home_kwh + balance.battery_to_grid_kwh as discharge_kwh,
    balance.pv_to_home_kwh + balance.grid_to_home_kwh + balance.battery_to_home_kwh as home_kwh,
    balance.source,
    solar_kwh + import_kwh + discharge_kwh is not null as is_complete,
    coalesce(
        case
            when balance.source = 'energy_flows'
            then days.flows_state in ('complete', 'empty')
            /* Flows can still come and take the place of what is derived. */
            else
                days.points_state in ('complete', 'empty')
                and coalesce(days.flows_state in ('complete', 'empty'), true)
        end,
        false
    ) as is_final
from balance
left join inverter_days as days using (inverter_serial, local_date)
