-- Each site and inverter that was ever in it, of its days there.
--
-- counted_alone_always: the inverter's figures were the site's on each of its days there.
-- days_of_uncertain_grid: days on which it was counted and no single meter was the site's.
select
    site,
    inverter_serial,
    bool_and(role = 'whole_site' and members = 1) as counted_alone_always,
    count(*) filter (
        where role <> 'ignored' and grid_meters <> 1 and local_date between $first and $last
    ) as days_of_uncertain_grid
from site_members
group by site, inverter_serial
order by site, inverter_serial
