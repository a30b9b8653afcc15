-- Where the energy of the shown period came from and where it went.
--
-- Sums over the half hours that are known, `half_hours` of `half_hours_expected`.
--
-- key: from_node, to_node
-- reads: {{ half_hourly }}
-- parameters:
-- device: Site or inverter.
-- start: First day.
-- end: Last day.
-- days_expected: Days of the period since the first one with data.
-- half_hours_expected: Half hours of these days.
-- columns:
-- from_node: solar, grid or battery.
-- to_node: home, battery or grid.
-- energy_kwh: Energy; null if no half hour is known.
-- share_of_source: Share of what the source gave, 0 to 1.
-- share_of_destination: Share of what the destination got, 0 to 1.
-- half_hours: Half hours that are known.
-- half_hours_expected: Half hours of the days up to today since the first one with data.
-- days: Days with all half hours.
-- days_expected: Days up to today since the first one with data.
with
    balance as (
        from {{ half_hourly }}
        where {{ device }} = $device and local_date between $start::date and $end::date
    ),
    sums as (
        select
            sum(pv_to_home_kwh) as pv_to_home,
            sum(pv_to_battery_kwh) as pv_to_battery,
            sum(pv_to_grid_kwh) as pv_to_grid,
            sum(grid_to_home_kwh) as grid_to_home,
            sum(grid_to_battery_kwh) as grid_to_battery,
            sum(battery_to_home_kwh) as battery_to_home,
            sum(battery_to_grid_kwh) as battery_to_grid,
            count(home_kwh) as half_hours
        from balance
    ),
    whole_days as (
        select local_date
        from balance
        group by local_date
        having count(home_kwh) = min(half_hours_expected)
    ),
    links as (
        select
            unnest(
                [
                    {from_node:'solar', to_node:'home', energy_kwh:pv_to_home},
                    {from_node:'solar', to_node:'battery', energy_kwh:pv_to_battery},
                    {from_node:'solar', to_node:'grid', energy_kwh:pv_to_grid},
                    {from_node:'grid', to_node:'home', energy_kwh:grid_to_home},
                    {from_node:'grid', to_node:'battery', energy_kwh:grid_to_battery},
                    {from_node:'battery', to_node:'home', energy_kwh:battery_to_home},
                    {from_node:'battery', to_node:'grid', energy_kwh:battery_to_grid}
                ],
                recursive := true
            ),
            half_hours
        from sums
    )
select
    from_node,
    to_node,
    round(energy_kwh, 3) as energy_kwh,
    energy_kwh / nullif(sum(energy_kwh) over (partition by from_node), 0) as share_of_source,
    energy_kwh / nullif(sum(energy_kwh) over (partition by to_node), 0) as share_of_destination,
    half_hours,
    $half_hours_expected::bigint as half_hours_expected,
    (select count(*) from whole_days) as days,
    $days_expected::bigint as days_expected
from links
order by
    list_position(['solar', 'grid', 'battery'], from_node),
    list_position(['home', 'battery', 'grid'], to_node)
