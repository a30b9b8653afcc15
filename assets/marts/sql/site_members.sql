-- Which inverters make up a site on each local day, and what each counts for.
--
-- A Gateway measures the whole site, so the inverters behind it are not counted again. One
-- inverter alone is the whole site. Of several without a Gateway, solar and battery energies add,
-- but which meter is the site's cannot be known: `givlake roles set` says it. A role that is set
-- is kept: a member beside a Gateway is counted in addition to it. An inverter belongs to its
-- site from its first day with data until 30 days after its last, and on each day, once the
-- account has data, that is expected of it and not fetched. Its site and model are those that it
-- had on the day.
--
-- key: inverter_serial, local_date
-- reads: inverters, device_roles_set, inverter_data_ranges, inverter_days
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- local_date date: Local day.
-- site varchar: Number of the site as text; the inverter's serial number if it has none.
-- role varchar: whole_site (its figures are the site's), grid_meter (counted, and its import and
-- export are the site's), member (counted but for the grid) or ignored (not counted).
-- is_set boolean: Whether the owner set the role.
-- members bigint: Number of inverters of the site that are counted that day.
-- grid_meters bigint: Number of them whose import and export are the site's; the site's grid is
-- known if it is 1.
with
    versions as (
        select
            inverter_serial,
            site_id,
            model,
            case
                when row_number() over (partition by inverter_serial order by valid_from) = 1
                then date '1900-01-01'
                else timezone('UTC', valid_from)::date
            end as from_date
        from inverters
    ),
    days as (
        select
            inverter_serial,
            unnest(
                generate_series(
                    first_date::timestamp,
                    least(
                        last_date + interval 30 day,
                        greatest(last_date, timezone('UTC', now())::date)
                    ),
                    interval 1 day
                )
            )::date as local_date
        from inverter_data_ranges
        union
        select inverter_serial, local_date
        from inverter_days
        where
            local_date >= (select min(first_date) from inverter_data_ranges)
            and coalesce(flows_state, points_state)
            in ('not_requested', 'failed', 'partial', 'not_built', 'forbidden')
            and coalesce(points_state, flows_state)
            in ('not_requested', 'failed', 'partial', 'not_built', 'forbidden')
    ),
    members as (
        select
            days.inverter_serial,
            days.local_date,
            coalesce(versions.site_id::varchar, days.inverter_serial) as site,
            chosen.role as set_role,
            case
                when chosen.role is not null
                then chosen.role
                when versions.model ilike '%ems%'
                then 'ignored'
                when versions.model ilike '%gateway%'
                then 'whole_site'
            end as given_role
        from days
        asof left join
            versions
            on days.inverter_serial = versions.inverter_serial
            and days.local_date >= versions.from_date
        left join device_roles_set as chosen on days.inverter_serial = chosen.device_id
    ),
    judged as (
        select
            inverter_serial,
            local_date,
            site,
            set_role is not null as is_set,
            case
                when set_role is not null
                then set_role
                when count(*) filter (where set_role = 'whole_site') over site_day > 0
                then 'ignored'
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
