-- Each site and inverter that was ever in it, of its days there.
--
-- stands_for_site: the inverter's figures were the site's on each of its days there.
-- was_counted: it counted for the site on one of its days.
-- has_no_full_hours: no half hour of its days begins at a full hour of UTC.
-- days_of_uncertain_grid: days on which it was counted and no single meter was the site's.
select
    members.site,
    members.inverter_serial,
    bool_and(members.role = 'whole_site' and members.members = 1) as stands_for_site,
    bool_or(members.role <> 'ignored') as was_counted,
    bool_or(
        minute(timezone(coalesce(zones.zone, 'UTC'), members.local_date::timestamp)) % 30 <> 0
    ) as has_no_full_hours,
    count(*) filter (
        where
            members.role <> 'ignored'
            and members.grid_meters <> 1
            and members.local_date between $first and $last
    ) as days_of_uncertain_grid
from site_members as members
left join device_zones as zones on members.inverter_serial = zones.device_id
group by members.site, members.inverter_serial
order by members.site, members.inverter_serial
