-- Which inverters make up a site on each local day, and what each counts for.
--
-- A Gateway measures the whole site, so the inverters behind it are not counted again. One
-- inverter alone is the whole site. Of several without a Gateway, solar and battery energies add,
-- but which meter is the site's cannot be known: `givlake roles set` says it. An inverter belongs
-- to its site from its first day with data until 30 days after its last.
--
-- key: inverter_serial, local_date
-- reads: inverters, device_roles_set, energy_flows, inverter_data_points
-- columns:
-- inverter_serial: Serial number of the inverter.
-- local_date: Local day.
-- site: Number of the site as text; the inverter's serial number if it has none.
-- role: whole_site (its figures are the site's), grid_meter (counted, and its import and export
-- are the site's), member (counted but for the grid) or ignored (not counted).
-- is_set: Whether the owner set the role.
-- members: Number of inverters of the site that are counted that day.
-- grid_meters: Number of them whose import and export are the site's; the site's grid is known if
-- it is 1.
with
    latest as (
        select
            inverter_serial,
            arg_max(site_id, valid_from) as site_id,
            arg_max(model, valid_from) as model
        from inverters
        group by inverter_serial
    ),
    days_seen as (
        select inverter_serial, min(local_date) as first_date, max(local_date) as last_date
        from energy_flows
        group by inverter_serial
        union all
        select inverter_serial, min(local_date) as first_date, max(local_date) as last_date
        from inverter_data_points
        group by inverter_serial
    ),
    seen as (
        select inverter_serial, min(first_date) as first_date, max(last_date) as last_date
        from days_seen
        group by inverter_serial
    ),
    members as (
        select
            seen.inverter_serial,
            coalesce(latest.site_id::varchar, seen.inverter_serial) as site,
            chosen.role as set_role,
            coalesce(
                chosen.role,
                case
                    when latest.model ilike '%ems%'
                    then 'ignored'
                    when latest.model ilike '%gateway%'
                    then 'whole_site'
                end
            ) as given_role,
            unnest(
                generate_series(
                    seen.first_date::timestamp,
                    least(
                        seen.last_date + interval 30 day,
                        greatest(seen.last_date, timezone('UTC', now())::date)
                    ),
                    interval 1 day
                )
            )::date as local_date
        from seen
        left join latest using (inverter_serial)
        left join device_roles_set as chosen on seen.inverter_serial = chosen.device_id
    ),
    judged as (
        select
            inverter_serial,
            local_date,
            site,
            set_role is not null as is_set,
            case
                when given_role is not null
                then given_role
                when count(*) filter (where given_role = 'whole_site') over site_day > 0
                then 'ignored'
                when count(*) filter (where given_role is distinct from 'ignored') over site_day = 1
                then 'whole_site'
                else 'member'
            end as role
        from members
        window site_day as (partition by site, local_date)
    )
select
    inverter_serial,
    local_date,
    site,
    role,
    is_set,
    count(*) filter (where role <> 'ignored') over site_day as members,
    count(*) filter (where role in ('whole_site', 'grid_meter')) over site_day as grid_meters
from judged
window site_day as (partition by site, local_date)
