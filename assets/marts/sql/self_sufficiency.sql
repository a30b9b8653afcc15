-- How much of the home's energy the sun covered, by inverter or site and day, month, year and in
-- all.
--
-- Two definitions of self-sufficiency are in use and differ where the battery is also charged
-- from the grid. `self_sufficiency` is the share of the home's energy that did not come from the
-- grid at that moment: energy from the battery counts, whatever charged it. `own_solar` counts
-- energy from the battery only by the share of solar energy in what charged it on that day and
-- the six days before. Only whole days with half-hourly flows count; all ratios are null where
-- these are fewer than half of the period's days.
--
-- key: device_kind, device, period, start_date
-- reads: inverter_flow_days, inverter_data_ranges, site_half_hourly, site_members
-- columns:
-- device_kind varchar: inverter or site.
-- device varchar: Serial number of the inverter, or the site as in `site_daily`.
-- period varchar: day, month, year or all.
-- start_date date: First day of the period.
-- self_sufficiency double: 1 less grid to home / home, 0 to 1.
-- own_solar double: Share of the home's energy that was solar, at once or through the battery, 0 to
-- 1, of the days of which it is known what charged the battery.
-- self_consumption double: Share of the solar energy that was used in the home or charged the
-- battery, 0 to 1.
-- home_kwh double: Energy used in the home on the days that count.
-- solar_kwh double: Solar energy on the days that count.
-- days bigint: Days that count.
-- days_expected bigint: Days of the period; of all, from the first to the last day with data.
-- source varchar: energy_flows, or inverter_data_points if half hours of a site are derived.
-- is_complete boolean: Whether all days count.
-- is_final boolean: Whether all days that count were fetched after their data could change.
with
    site_days as (
        select
            site,
            local_date,
            count(*) filter (where is_complete and home_kwh is not null) as half_hours,
            min(half_hours_expected) as half_hours_expected,
            sum(pv_to_home_kwh) as pv_to_home,
            sum(pv_to_battery_kwh) as pv_to_battery,
            sum(solar_kwh) as solar,
            sum(charge_kwh) as charge,
            sum(grid_to_home_kwh) as grid_to_home,
            sum(battery_to_home_kwh) as battery_to_home,
            sum(home_kwh) as home,
            max(source) as source,
            bool_and(is_final) as is_final
        from site_half_hourly
        group by site, local_date
    ),
    days as (
        select
            'site' as device_kind,
            site as device,
            site_days.* exclude (site, half_hours, half_hours_expected)
        from site_days
        where half_hours = half_hours_expected
        union all by name
        select
            'inverter' as device_kind,
            inverter_serial as device,
            local_date,
            pv_to_home_kwh as pv_to_home,
            pv_to_battery_kwh as pv_to_battery,
            pv_to_home_kwh + pv_to_battery_kwh + pv_to_grid_kwh as solar,
            pv_to_battery_kwh + grid_to_battery_kwh as charge,
            grid_to_home_kwh as grid_to_home,
            battery_to_home_kwh as battery_to_home,
            pv_to_home_kwh + grid_to_home_kwh + battery_to_home_kwh as home,
            source,
            is_final
        from inverter_flow_days
        where is_complete
    ),
    ranges as (
        select 'inverter' as device_kind, inverter_serial as device, first_date, last_date
        from inverter_data_ranges
        union all by name
        select
            'site' as device_kind,
            members.site as device,
            min(members.local_date) as first_date,
            max(members.local_date) as last_date
        from site_members as members
        inner join inverter_data_ranges as known using (inverter_serial)
        where
            members.role <> 'ignored'
            and members.local_date between known.first_date and known.last_date
        group by members.site
    ),
    shares as (
        select
            *,
            case
                when battery_to_home = 0
                then pv_to_home
                else
                    pv_to_home
                    + battery_to_home
                    * sum(pv_to_battery) over last_week
                    / nullif(sum(charge) over last_week, 0)
            end as own_solar
        from days
        window
            last_week as (
                partition by device_kind, device
                order by local_date range between interval 6 day preceding and current row
            )
    ),
    periods as (
        select
            *,
            unnest(
                [
                    {period:'day', start_date:local_date},
                    {period:'month', start_date:date_trunc('month', local_date)::date},
                    {period:'year', start_date:date_trunc('year', local_date)::date},
                    {period:'all', start_date:first_date}
                ],
                recursive := true
            )
        from shares
        inner join ranges using (device_kind, device)
    ),
    sums as (
        select
            device_kind,
            device,
            period,
            start_date,
            count(*) as days,
            case
                period
                when 'day'
                then 1
                when 'month'
                then day(last_day(start_date))
                when 'year'
                then (start_date + interval 1 year)::date - start_date
                else max(last_date) - min(first_date) + 1
            end as days_expected,
            sum(pv_to_home) as pv_to_home,
            sum(pv_to_battery) as pv_to_battery,
            sum(solar) as solar,
            sum(grid_to_home) as grid_to_home,
            /* Of what the battery gave before anything had charged it, nothing is known. */
            sum(own_solar) as own_solar,
            sum(home) filter (where own_solar is not null) as own_home,
            count(own_solar) as own_days,
            sum(home) as home,
            max(source) as source,
            bool_and(is_final) as is_final
        from periods
        group by device_kind, device, period, start_date
    )
select
    device_kind,
    device,
    period,
    start_date,
    case
        when 2 * days >= days_expected then 1 - grid_to_home / nullif(home, 0) else null
    end as self_sufficiency,
    case
        when 2 * own_days >= days_expected then sums.own_solar / nullif(own_home, 0) else null
    end as own_solar,
    case
        when 2 * days >= days_expected
        then (pv_to_home + pv_to_battery) / nullif(solar, 0)
        else null
    end as self_consumption,
    round(home, 2) as home_kwh,
    round(solar, 2) as solar_kwh,
    days,
    days_expected,
    source,
    days = days_expected as is_complete,
    is_final
from sums
