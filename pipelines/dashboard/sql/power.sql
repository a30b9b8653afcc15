-- Power and state of charge of the shown day, as means of 5 minutes.
--
-- Of several inverters that count in a site, powers are added up where all of them have points.
-- They
-- do not send at the same moments, so that one without a point between two others keeps its last
-- values for 5 minutes. Five minutes without points have no row, and other periods than a day have
-- none.
--
-- key: time
-- reads: inverter_data_points, site_members
-- parameters:
-- device: Site or inverter.
-- kind: site or inverter.
-- period: Period that is shown.
-- start: The day.
-- columns:
-- time: Start of the 5 minutes, UTC.
-- solar_w: PV generation.
-- home_w: Power of the home; of several inverters what the others of these powers leave.
-- import_w: Power taken from the grid; null where a site's meter is not known.
-- export_w: Power given to the grid.
-- battery_w: Power of the battery: positive discharges, negative charges.
-- battery_percent: State of charge; mean of the inverters that send one, also of those behind a
-- Gateway.
-- members: Inverters that count.
-- members_present: Those of them with points, or values that they keep.
with
    members as (
        select
            inverter_serial,
            $kind = 'inverter' or role <> 'ignored' as is_counted,
            $kind = 'inverter' or role in ('whole_site', 'grid_meter') as is_meter
        from site_members
        where {{ device }} = $device and local_date = $start::date and $period = 'day'
    ),
    counted as (
        select
            count(*) as inverters,
            count(*) filter (where is_counted) as members,
            count(*) filter (where is_meter) as meters
        from members
    ),
    points as (
        select
            time_bucket(interval 5 minute, points.time) as time,
            members.inverter_serial,
            members.is_counted,
            members.is_meter,
            avg(points.solar_power_w) as solar_w,
            avg(points.consumption_power_w) as home_w,
            avg(greatest(- points.grid_power_w, 0)) filter (
                where points.grid_power_w is not null
            ) as import_w,
            avg(greatest(points.grid_power_w, 0)) filter (
                where points.grid_power_w is not null
            ) as export_w,
            avg(points.battery_power_w) as battery_w,
            avg(points.battery_percent) as battery_percent
        from inverter_data_points as points
        inner join members using (inverter_serial)
        where points.local_date = $start::date
        group by all
    ),
    followed as (
        select *, lead(time) over (partition by inverter_serial order by time) as next_time
        from points
    ),
    kept as (
        select * exclude (next_time)
        from followed
        union all by name
        select followed.* exclude (next_time) replace (time + interval 5 minute as time)
        from followed
        cross join counted
        where counted.inverters > 1 and next_time = time + interval 10 minute
    ),
    sums as (
        select
            time,
            count(*) filter (where is_counted) as members_present,
            sum(solar_w) filter (where is_counted) as solar_w,
            max(home_w) filter (where is_counted) as home_w,
            sum(import_w) filter (where is_meter) as import_w,
            sum(export_w) filter (where is_meter) as export_w,
            sum(battery_w) filter (where is_counted) as battery_w,
            avg(battery_percent) as battery_percent
        from kept
        group by time
    ),
    whole as (
        select *, members_present = members as is_whole, is_whole and meters = 1 as has_grid
        from sums
        cross join counted
    )
select
    time,
    case when is_whole then round(solar_w) end as solar_w,
    case
        when is_whole and members = 1
        then round(home_w)
        when has_grid
        then round(greatest(0, solar_w + battery_w + import_w - export_w))
    end as home_w,
    case when has_grid then round(import_w) end as import_w,
    case when has_grid then round(export_w) end as export_w,
    case when is_whole then round(battery_w) end as battery_w,
    round(battery_percent, 1) as battery_percent,
    members,
    members_present
from whole
order by time
