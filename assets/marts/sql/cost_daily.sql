-- What each local day of a site cost under the tariff in force, with the standing charge, as it
-- was paid.
--
-- Sums over the half hours that are known, `half_hours` of `half_hours_expected`; nothing is
-- extrapolated. The standing charge is once a day for the site's import meter.
--
-- key: site, local_date
-- reads: cost_half_hourly, tariff_standing_charges
-- columns:
-- site varchar: Site, as in `site_half_hourly`.
-- local_date date: Local day.
-- tariff varchar: Tariff in force; null if `givlake tariffs use` named none.
-- import_kwh double: Energy taken from the grid in half hours with a cost.
-- export_kwh double: Energy given to the grid in half hours with a cost.
-- import_cost_gbp double: Cost of the imported energy; null if no half hour has a cost.
-- export_income_gbp double: Income of the exported energy.
-- standing_charge_gbp double: Standing charge of the day; null if the tariff has none.
-- net_cost_gbp double: Cost less income, with the standing charge.
-- without_gbp double: What the home's energy would have cost from the grid alone, with the standing
-- charge.
-- saved_gbp double: What PV and battery saved.
-- battery_saved_gbp double: The battery's part of it; null if that of a half hour is unknown.
-- half_hours bigint: Half hours with a cost.
-- half_hours_expected bigint: Half hours of the day: 46, 48 or 50.
-- source varchar: Where the energies come from, as in `site_half_hourly`.
-- is_complete boolean: Whether every half hour has a cost, and the day a standing charge.
-- is_final boolean: Whether all half hours are there and their energies can no longer change.
with
    days as (
        select
            site,
            local_date,
            max(tariff) as tariff,
            sum(import_kwh) filter (where is_complete) as import_kwh,
            sum(export_kwh) filter (where is_complete) as export_kwh,
            sum(import_cost_gbp) filter (where is_complete) as import_cost_gbp,
            sum(export_income_gbp) filter (where is_complete) as export_income_gbp,
            sum(without_gbp) filter (where is_complete) as without_gbp,
            sum(saved_gbp) filter (where is_complete) as saved_gbp,
            case
                when
                    count(battery_saved_gbp) filter (where is_complete)
                    = count(*) filter (where is_complete)
                then sum(battery_saved_gbp) filter (where is_complete)
            end as battery_saved_gbp,
            count(*) filter (where is_complete) as half_hours,
            count(*) as half_hours_present,
            min(half_hours_expected) as half_hours_expected,
            max(source) as source,
            bool_and(is_final) as is_final
        from cost_half_hourly
        group by site, local_date
    )
select
    days.site,
    days.local_date,
    days.tariff,
    round(days.import_kwh, 3) as import_kwh,
    round(days.export_kwh, 3) as export_kwh,
    round(days.import_cost_gbp, 6) as import_cost_gbp,
    round(days.export_income_gbp, 6) as export_income_gbp,
    standing.standing_charge_pence / 100 as standing_charge_gbp,
    round(
        days.import_cost_gbp - days.export_income_gbp + coalesce(standing_charge_gbp, 0), 6
    ) as net_cost_gbp,
    round(days.without_gbp + coalesce(standing_charge_gbp, 0), 6) as without_gbp,
    round(days.saved_gbp, 6) as saved_gbp,
    round(days.battery_saved_gbp, 6) as battery_saved_gbp,
    days.half_hours,
    days.half_hours_expected,
    days.source,
    coalesce(
        days.half_hours = days.half_hours_expected and standing_charge_gbp is not null, false
    ) as is_complete,
    coalesce(
        days.is_final and days.half_hours_present = days.half_hours_expected, false
    ) as is_final
from days
left join
    tariff_standing_charges as standing
    on days.tariff = standing.tariff
    and days.local_date = standing.local_date
