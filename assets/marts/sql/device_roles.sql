-- What each inverter counts for in its site at present, and since when it has data.
--
-- key: inverter_serial
-- reads: inverters, site_members
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- site varchar: Number of the site as text; the inverter's serial number if it has none.
-- model varchar: Model.
-- role varchar: Its role on its last day, as in `site_members`; null without data.
-- is_set boolean: Whether the owner set the role.
-- first_date date: First day with data.
-- last_date date: Last day on which it belongs to its site.
with
    latest as (
        select
            inverter_serial,
            arg_max(site_id, valid_from) as site_id,
            arg_max(model, valid_from) as model
        from inverters
        group by inverter_serial
    ),
    roles as (
        select
            inverter_serial,
            arg_max(site, local_date) as site,
            arg_max(role, local_date) as role,
            arg_max(is_set, local_date) as is_set,
            min(local_date) as first_date,
            max(local_date) as last_date
        from site_members
        group by inverter_serial
    )
select
    inverter_serial,
    coalesce(roles.site, latest.site_id::varchar, inverter_serial) as site,
    latest.model,
    roles.role,
    coalesce(roles.is_set, false) as is_set,
    roles.first_date,
    roles.last_date
from latest
full join roles using (inverter_serial)
