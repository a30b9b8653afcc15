-- The energies of each inverter and local day by its half-hourly flows.
--
-- Flows of which some half hours are missing are sums over those that are there; `daily_energy`
-- then uses counters instead.
--
-- key: inverter_serial, local_date
-- reads: energy_flows, inverter_days
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- local_date date: Local day.
-- pv_to_home_kwh double: Solar energy used in the home directly.
-- pv_to_battery_kwh double: Solar energy that charged the battery.
-- pv_to_grid_kwh double: Solar energy exported.
-- grid_to_home_kwh double: Grid energy used in the home directly.
-- grid_to_battery_kwh double: Grid energy that charged the battery.
-- battery_to_home_kwh double: Battery energy used in the home.
-- battery_to_grid_kwh double: Battery energy exported.
-- half_hours bigint: Half hours with flows.
-- half_hours_expected bigint: Half hours of the day: 46, 48 or 50.
-- source varchar: energy_flows.
-- is_complete boolean: Whether all seven flows of all half hours are there.
-- is_final boolean: Whether the day was fetched after its flows could change.
with
    sums as (
        select
            inverter_serial,
            local_date,
            sum(pv_to_home_kwh) as pv_to_home_kwh,
            sum(pv_to_battery_kwh) as pv_to_battery_kwh,
            sum(pv_to_grid_kwh) as pv_to_grid_kwh,
            sum(grid_to_home_kwh) as grid_to_home_kwh,
            sum(grid_to_battery_kwh) as grid_to_battery_kwh,
            sum(battery_to_home_kwh) as battery_to_home_kwh,
            sum(battery_to_grid_kwh) as battery_to_grid_kwh,
            count(*) as half_hours,
            /* One null among the seven makes its half hour unknown. */
            count(
                energy_flows.pv_to_home_kwh
                + energy_flows.pv_to_battery_kwh
                + energy_flows.pv_to_grid_kwh
                + energy_flows.grid_to_home_kwh
                + energy_flows.grid_to_battery_kwh
                + energy_flows.battery_to_home_kwh
                + energy_flows.battery_to_grid_kwh
            ) as whole_half_hours
        from energy_flows
        group by inverter_serial, local_date
    )
select
    inverter_serial,
    local_date,
    sums.* exclude (inverter_serial, local_date, half_hours, whole_half_hours),
    sums.half_hours,
    coalesce(days.half_hours, 48) as half_hours_expected,
    'energy_flows' as source,
    sums.whole_half_hours >= coalesce(days.half_hours, 48) as is_complete,
    coalesce(days.flows_state in ('complete', 'empty'), false) as is_final
from sums
left join inverter_days as days using (inverter_serial, local_date)
