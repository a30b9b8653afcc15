-- The energies of each site and local day.
--
-- As `daily_energy`, added up over the site's members. If one of them has no energies that day,
-- they are null; grid and home are null where several meters could be the site's.
--
-- key: site, local_date
-- reads: daily_energy, site_members
-- columns:
-- site varchar: Number of the site as text; the inverter's serial number if it has none.
-- local_date date: Local day.
-- solar_kwh double: Solar energy.
-- import_kwh double: Energy taken from the grid.
-- export_kwh double: Energy given to the grid.
-- charge_kwh double: Energy put into batteries.
-- discharge_kwh double: Energy taken from batteries.
-- home_kwh double: Energy used in the home, with what the inverters themselves use; null unless all
-- members have flows.
-- home_counter_kwh double: Energy used in the home by the inverter's counter; null if several
-- inverters are counted.
-- source varchar: energy_flows; inverter_data_points if one of the members' are counters; null
-- without data.
-- members bigint: Number of inverters that are counted.
-- members_present bigint: Number of them with energies that day.
-- grid_is_certain boolean: Whether one meter is known to be the site's.
-- is_complete boolean: Whether the energies are those of the whole day and site.
-- is_final boolean: Whether all of it was fetched after it could change.
with
    sums as (
        select
            members.site,
            members.local_date,
            min(members.members) as members,
            count(energy.source) as members_present,
            min(members.grid_meters) = 1 as grid_is_certain,
            members_present = min(members.members) as is_whole,
            is_whole and grid_is_certain as has_grid,
            case
                when count(energy.solar_kwh) = min(members.members) then sum(energy.solar_kwh)
            end as solar,
            case
                when count(energy.charge_kwh) = min(members.members) then sum(energy.charge_kwh)
            end as charge,
            case
                when count(energy.discharge_kwh) = min(members.members)
                then sum(energy.discharge_kwh)
            end as discharge,
            sum(energy.import_kwh) filter (
                where members.role in ('whole_site', 'grid_meter')
            ) as grid_import,
            sum(energy.export_kwh) filter (
                where members.role in ('whole_site', 'grid_meter')
            ) as grid_export,
            count(energy.home_kwh) = min(members.members) as has_flows,
            case
                when min(members.members) = 1
                then sum(energy.home_kwh)
                else greatest(0, solar + grid_import + discharge - grid_export - charge)
            end as home,
            case
                when min(members.members) = 1 then sum(energy.home_counter_kwh) else null
            end as home_counter,
            case when has_flows then 'energy_flows' else max(energy.source) end as source,
            members_present = min(members.members)
            and bool_and(coalesce(energy.is_complete, false)) as is_complete,
            bool_and(coalesce(energy.is_final, false)) as is_final
        from site_members as members
        left join daily_energy as energy using (inverter_serial, local_date)
        where members.role <> 'ignored'
        group by members.site, members.local_date
    )
select
    site,
    local_date,
    case when is_whole then round(solar, 2) else null end as solar_kwh,
    case when has_grid then round(grid_import, 2) else null end as import_kwh,
    case when has_grid then round(grid_export, 2) else null end as export_kwh,
    case when is_whole then round(charge, 2) else null end as charge_kwh,
    case when is_whole then round(discharge, 2) else null end as discharge_kwh,
    case when has_grid and has_flows then round(home, 2) else null end as home_kwh,
    home_counter as home_counter_kwh,
    source,
    members,
    members_present,
    grid_is_certain,
    is_complete,
    is_final
from sums
