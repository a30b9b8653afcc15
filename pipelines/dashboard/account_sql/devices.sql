-- Each inverter with the sites that it is or was at, its model, role, days with data and zone.
with
    known as (from device_roles),
    pairs as (
        select inverter_serial, site
        from site_members
        union
        select inverter_serial, site
        from known
    )
select
    known.inverter_serial,
    known.site,
    list(distinct pairs.site order by pairs.site) as sites,
    any_value(known.model) as model,
    any_value(known.role) as role,
    any_value(ranges.first_date) as first_date,
    any_value(ranges.last_date) as last_date,
    any_value(zones.zone) as zone
from known
inner join pairs using (inverter_serial)
left join inverter_data_ranges as ranges using (inverter_serial)
left join device_zones as zones on known.inverter_serial = zones.device_id
group by known.inverter_serial, known.site
order by known.site, known.inverter_serial
