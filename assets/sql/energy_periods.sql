-- Grain: inverter and grouping (1 days, 2 months, 3 years). The first and the last period with
-- energy, by their first and last days. Energies are often unrounded: less than 0.05 kWh is none.
select
    inverter_serial,
    grouping,
    min(start_local)::date as first_start,
    min((end_local - interval 1 minute)::date) as first_end,
    max(start_local)::date as last_start,
    max((end_local - interval 1 minute)::date) as last_end
from energy_flow_aggregates
where
    grouping in (1, 2, 3)
    and coalesce(pv_to_home_kwh, 0)
    + coalesce(pv_to_battery_kwh, 0)
    + coalesce(pv_to_grid_kwh, 0)
    + coalesce(grid_to_home_kwh, 0)
    + coalesce(grid_to_battery_kwh, 0)
    + coalesce(battery_to_home_kwh, 0)
    + coalesce(battery_to_grid_kwh, 0)
    > 0.05
group by inverter_serial, grouping
