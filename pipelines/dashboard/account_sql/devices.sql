-- Each inverter with its model, role, days with data and zone, and the sites that it is or was at.
-- The days of a site are those on which an inverter that counts has data; of all its inverters if
-- none counts.
with
    known as (from device_roles),
    members as materialized(
        select
            inverter_serial,
            site,
            min(local_date) as first_date,
            max(local_date) as last_date,
            min(local_date) filter (where role <> 'ignored') as first_counted,
            max(local_date) filter (where role <> 'ignored') as last_counted
        from site_members
        inner join inverter_data_ranges as ranges using (inverter_serial)
        where local_date between ranges.first_date and ranges.last_date
        group by inverter_serial, site
    ),
    sites as (
        select
            site,
            coalesce(min(first_counted), min(first_date)) as first_date,
            coalesce(max(last_counted), max(last_date)) as last_date
        from members
        group by site
    ),
    pairs as (
        select inverter_serial, site
        from members
        union
        select inverter_serial, site
        from known
    )
select
    known.inverter_serial,
    known.site,
    list(
        {site:pairs.site, first_date:sites.first_date, last_date:sites.last_date}
        order by pairs.site
    ) as sites,
    any_value(known.model) as model,
    any_value(known.role) as role,
    any_value(ranges.first_date) as first_date,
    any_value(ranges.last_date) as last_date,
    any_value(zones.zone) as zone
from known
inner join pairs using (inverter_serial)
left join sites on pairs.site = sites.site
left join inverter_data_ranges as ranges using (inverter_serial)
left join device_zones as zones on known.inverter_serial = zones.device_id
group by known.inverter_serial, known.site
order by known.site, known.inverter_serial
