-- Sums of the shown period, of the period before and of the same period a year earlier.
--
-- Sums are over the days with energies, `days` of `days_expected` of which are whole. Of a period
-- that is not over, as many days of the other two are taken. The cost is that of the site.
--
-- key: range
-- reads: {{ daily }}, {{ half_hourly }}, cost_daily, tariffs_in_force
-- parameters:
-- device: Site or inverter.
-- kind: site or inverter.
-- site: Site of the cost; null if it is not that of one inverter.
-- start: First day.
-- end: Last day.
-- before_start: First day of the period before.
-- before_end: Last day of the period before.
-- year_start: First day of the period a year earlier.
-- year_end: Last day of the period a year earlier.
-- first_date: First day of the device with data.
-- columns:
-- range: shown, before or year.
-- start_date: First day.
-- end_date: Last day.
-- solar_kwh: Solar energy.
-- home_kwh: Energy used in the home, of the days of which it is known.
-- import_kwh: Energy taken from the grid, of the days of which it is known.
-- export_kwh: Energy given to the grid, of the days of which it is known.
-- charge_kwh: Energy put into batteries.
-- discharge_kwh: Energy taken from batteries.
-- self_sufficiency: Share of the home's energy that was not from the grid, 0 to 1, as in the mart
-- of this name; null below half of the days.
-- self_consumption: Share of the solar energy that was used in the home or charged the battery, 0
-- to 1; null below half of the days.
-- net_cost_gbp: Cost less income, with the standing charge.
-- import_cost_gbp: Cost of the imported energy.
-- export_income_gbp: Income of the exported energy.
-- standing_charge_gbp: Standing charges.
-- saved_gbp: What PV and battery saved.
-- cost_days: Days whose cost is whole.
-- days: Whole days.
-- days_final: Days that can no longer change.
-- days_expected: Days up to today since the first one with data.
-- flow_days: Days with all half hours, which self-sufficiency and self-consumption are of; of an
-- inverter with those that the API sent.
-- home_days: Days of which the home's energy is known.
-- grid_days: Whole days of which import and export are known.
-- home_counter_kwh: Energy used in the home by the inverter's counter, of the days that have it;
-- null for several inverters.
-- home_counter_days: Days that have it.
-- tariff: Tariffs in force, separated by commas; null if none.
with
    ranges as (
        select
            unnest(
                [
                    {range:'shown', start_date:$start::date, end_date:$end::date},
                    {range:'before', start_date:$before_start::date, end_date:$before_end::date},
                    {range:'year', start_date:$year_start::date, end_date:$year_end::date}
                ],
                recursive := true
            )
    ),
    energies as (
        select
            ranges.range,
            sum(daily.solar_kwh) as solar_kwh,
            sum(daily.home_kwh) as home_kwh,
            sum(daily.import_kwh) as import_kwh,
            sum(daily.export_kwh) as export_kwh,
            sum(daily.charge_kwh) as charge_kwh,
            sum(daily.discharge_kwh) as discharge_kwh,
            count(*) filter (where daily.is_complete) as days,
            count(*) filter (where daily.is_final) as days_final,
            count(daily.home_kwh) as home_days,
            sum(daily.home_counter_kwh) as home_counter_kwh,
            count(daily.home_counter_kwh) as home_counter_days,
            count(*) filter (
                where
                    daily.is_complete
                    and daily.import_kwh is not null
                    and daily.export_kwh is not null
            ) as grid_days
        from ranges
        inner join
            {{ daily }} as daily on daily.local_date between ranges.start_date and ranges.end_date
        where daily.{{ device }} = $device
        group by ranges.range
    ),
    flow_days as (
        select
            local_date,
            sum(grid_to_home_kwh) as grid_to_home,
            sum(pv_to_home_kwh + pv_to_battery_kwh) as solar_used,
            sum(home_kwh) as home,
            sum(solar_kwh) as solar
        from {{ half_hourly }}
        where
            {{ device }} = $device
            and (
                local_date between $start::date and $end::date
                or local_date between $before_start::date and $before_end::date
                or local_date between $year_start::date and $year_end::date
            )
        group by local_date
        having
            count(*) filter (
                where
                    is_complete
                    and home_kwh is not null
                    and ($kind = 'site' or source = 'energy_flows')
            )
            = min(half_hours_expected)
    ),
    shares as (
        select
            ranges.range,
            1 - sum(flow_days.grid_to_home) / nullif(sum(flow_days.home), 0) as self_sufficiency,
            sum(flow_days.solar_used) / nullif(sum(flow_days.solar), 0) as self_consumption,
            count(*) as flow_days
        from ranges
        inner join flow_days on flow_days.local_date between ranges.start_date and ranges.end_date
        group by ranges.range
    ),
    costs as (
        select
            ranges.range,
            sum(cost.net_cost_gbp) as net_cost_gbp,
            sum(cost.import_cost_gbp) as import_cost_gbp,
            sum(cost.export_income_gbp) as export_income_gbp,
            sum(cost.standing_charge_gbp) as standing_charge_gbp,
            sum(cost.saved_gbp) as saved_gbp,
            count(*) filter (where cost.is_complete) as cost_days
        from ranges
        inner join
            cost_daily as cost on cost.local_date between ranges.start_date and ranges.end_date
        where cost.site = $site
        group by ranges.range
    ),
    in_force as (
        select ranges.range, string_agg(distinct tariff, ', ' order by tariff) as tariff
        from ranges
        inner join
            tariffs_in_force as tariffs
            on tariffs.from_date <= ranges.end_date
            and coalesce(tariffs.to_date > ranges.start_date, true)
        group by ranges.range
    ),
    expected as (
        select
            *,
            coalesce(
                greatest(0, end_date - greatest(start_date, $first_date::date) + 1), 0
            ) as days_expected
        from ranges
    )
select
    range,
    expected.start_date,
    expected.end_date,
    round(energies.solar_kwh, 2) as solar_kwh,
    round(energies.home_kwh, 2) as home_kwh,
    round(energies.import_kwh, 2) as import_kwh,
    round(energies.export_kwh, 2) as export_kwh,
    round(energies.charge_kwh, 2) as charge_kwh,
    round(energies.discharge_kwh, 2) as discharge_kwh,
    case
        when 2 * shares.flow_days >= expected.days_expected then shares.self_sufficiency
    end as self_sufficiency,
    case
        when 2 * shares.flow_days >= expected.days_expected then shares.self_consumption
    end as self_consumption,
    round(costs.net_cost_gbp, 6) as net_cost_gbp,
    round(costs.import_cost_gbp, 6) as import_cost_gbp,
    round(costs.export_income_gbp, 6) as export_income_gbp,
    round(costs.standing_charge_gbp, 6) as standing_charge_gbp,
    round(costs.saved_gbp, 6) as saved_gbp,
    coalesce(costs.cost_days, 0) as cost_days,
    coalesce(energies.days, 0) as days,
    coalesce(energies.days_final, 0) as days_final,
    expected.days_expected,
    coalesce(shares.flow_days, 0) as flow_days,
    coalesce(energies.home_days, 0) as home_days,
    coalesce(energies.grid_days, 0) as grid_days,
    round(energies.home_counter_kwh, 2) as home_counter_kwh,
    coalesce(energies.home_counter_days, 0) as home_counter_days,
    in_force.tariff
from expected
left join energies using (range)
left join shares using (range)
left join costs using (range)
left join in_force using (range)
order by list_position(['shown', 'before', 'year'], range)
