-- The energy balance of each site and half hour.
--
-- The site's members are in `site_members`. If one of them lacks the half hour, its energies are
-- null: a part of the site is not the site. Energies of the grid and the home are null where
-- several meters could be the site's. The seven flows of several members are derived from the
-- sums: PV supplies the home first, then the battery, then the grid. What one battery gives to
-- another is in `charge_kwh` and `discharge_kwh` and in none of the flows.
--
-- key: site, start_at
-- reads: half_hourly_balance, site_members
-- columns:
-- site varchar: Number of the site as text; the inverter's serial number if it has none.
-- start_at timestamptz: Start of the half hour, UTC.
-- start_local timestamp: Start in local time.
-- local_date date: Local day.
-- settlement_period bigint: Number of the half hour in the local day, from 1.
-- half_hours_expected bigint: Half hours of the local day: 48, or 46 or 50 where clocks change.
-- solar_kwh double: Solar energy.
-- import_kwh double: Energy taken from the grid.
-- export_kwh double: Energy given to the grid.
-- charge_kwh double: Energy put into batteries.
-- discharge_kwh double: Energy taken from batteries.
-- home_kwh double: Energy used in the home, with what the inverters themselves use.
-- pv_to_home_kwh double: Solar energy used in the home directly.
-- pv_to_battery_kwh double: Solar energy that charged batteries.
-- pv_to_grid_kwh double: Solar energy exported.
-- grid_to_home_kwh double: Grid energy used in the home directly.
-- grid_to_battery_kwh double: Grid energy that charged batteries.
-- battery_to_home_kwh double: Battery energy used in the home.
-- battery_to_grid_kwh double: Battery energy exported.
-- source varchar: energy_flows; inverter_data_points if one of the members' is derived.
-- members bigint: Number of inverters that are counted.
-- members_present bigint: Number of them with the half hour.
-- grid_is_certain boolean: Whether one meter is known to be the site's.
-- is_complete boolean: Whether all members have the half hour.
-- is_final boolean: Whether all members have it, fetched after it could change.
with
    sums as (
        select
            members.site,
            balance.start_at,
            min(balance.start_local) as start_local,
            balance.local_date,
            min(balance.settlement_period) as settlement_period,
            min(balance.half_hours_expected) as half_hours_expected,
            count(*) filter (where balance.is_complete) as members_present,
            min(members.members) as members,
            min(members.grid_meters) = 1 as grid_is_certain,
            members_present = min(members.members) as is_whole,
            sum(balance.solar_kwh) as solar,
            sum(balance.charge_kwh) as charge,
            sum(balance.discharge_kwh) as discharge,
            sum(balance.import_kwh) filter (
                where members.role in ('whole_site', 'grid_meter')
            ) as grid_import,
            sum(balance.export_kwh) filter (
                where members.role in ('whole_site', 'grid_meter')
            ) as grid_export,
            sum(balance.pv_to_home_kwh) as pv_to_home,
            sum(balance.pv_to_battery_kwh) as pv_to_battery,
            sum(balance.grid_to_battery_kwh) as grid_to_battery,
            sum(balance.battery_to_grid_kwh) as battery_to_grid,
            min(balance.source) = max(balance.source) as is_one_source,
            max(balance.source) as source,
            coalesce(
                members_present = min(members.members) and bool_and(balance.is_final), false
            ) as is_final
        from half_hourly_balance as balance
        inner join site_members as members using (inverter_serial, local_date)
        where members.role <> 'ignored'
        /* The day is a key too, so that a query of one day reads no others. */
        group by members.site, balance.start_at, balance.local_date
    ),
    balanced as (
        select
            * exclude (is_one_source, source),
            case when is_one_source then source else 'inverter_data_points' end as source,
            is_whole and grid_is_certain as has_grid,
            greatest(0, solar + grid_import + discharge - grid_export - charge) as home
        from sums
    ),
    split as (
        select
            * exclude (pv_to_home, pv_to_battery, grid_to_battery, battery_to_grid),
            case when members = 1 then pv_to_home else least(solar, home) end as to_home,
            case
                when members = 1 then pv_to_battery else least(solar - to_home, charge)
            end as to_battery,
            solar - to_home - to_battery as to_grid,
            case
                when members = 1 then grid_to_battery else least(charge - to_battery, grid_import)
            end as from_grid,
            case
                when members = 1
                then battery_to_grid
                else greatest(0, least(grid_export - to_grid, discharge))
            end as battery_export,
            /* One battery can charge another; that is in both sums, and in none of the flows. */
            case
                when members = 1
                then 0
                else greatest(0, least(charge - to_battery - from_grid, discharge - battery_export))
            end as between_batteries
        from balanced
    )
select
    site,
    start_at,
    start_local,
    local_date,
    settlement_period,
    half_hours_expected,
    case when is_whole then solar else null end as solar_kwh,
    case when has_grid then grid_import else null end as import_kwh,
    case when has_grid then grid_export else null end as export_kwh,
    case when is_whole then charge else null end as charge_kwh,
    case when is_whole then discharge else null end as discharge_kwh,
    case when has_grid then home else null end as home_kwh,
    case when has_grid then to_home else null end as pv_to_home_kwh,
    case when has_grid then to_battery else null end as pv_to_battery_kwh,
    case when has_grid then to_grid else null end as pv_to_grid_kwh,
    case when has_grid then grid_import - from_grid else null end as grid_to_home_kwh,
    case when has_grid then from_grid else null end as grid_to_battery_kwh,
    case
        when has_grid then discharge - battery_export - between_batteries else null
    end as battery_to_home_kwh,
    case when has_grid then battery_export else null end as battery_to_grid_kwh,
    source,
    members,
    members_present,
    grid_is_certain,
    is_whole as is_complete,
    is_final
from split
