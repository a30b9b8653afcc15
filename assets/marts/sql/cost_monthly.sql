-- What each month of a site cost under the tariffs in force, as it was paid.
--
-- Sums over the days that are there: `days` of `days_expected` are whole.
--
-- key: site, month
-- reads: cost_daily
-- columns:
-- site varchar: Site, as in `site_half_hourly`.
-- month date: First day of the month.
-- tariffs varchar: Tariffs in force, separated by commas; null if none.
-- import_kwh double: Energy taken from the grid in half hours with a cost.
-- export_kwh double: Energy given to the grid in half hours with a cost.
-- import_cost_gbp double: Cost of the imported energy.
-- export_income_gbp double: Income of the exported energy.
-- standing_charge_gbp double: Standing charges of the days with a cost.
-- net_cost_gbp double: Cost less income, with standing charges.
-- without_gbp double: What the home's energy would have cost from the grid alone, with standing
-- charges.
-- saved_gbp double: What PV and battery saved.
-- battery_saved_gbp double: The battery's part of it.
-- days bigint: Days whose cost is whole.
-- days_expected bigint: Days of the month.
-- source varchar: Where the energies come from, as in `site_half_hourly`.
-- is_complete boolean: Whether every day is whole.
-- is_final boolean: Whether no day can change any more.
select
    site,
    date_trunc('month', local_date)::date as month,
    string_agg(distinct tariff, ', ' order by tariff) as tariffs,
    round(sum(import_kwh), 3) as import_kwh,
    round(sum(export_kwh), 3) as export_kwh,
    round(sum(import_cost_gbp), 6) as import_cost_gbp,
    round(sum(export_income_gbp), 6) as export_income_gbp,
    round(
        sum(standing_charge_gbp) filter (where net_cost_gbp is not null), 6
    ) as standing_charge_gbp,
    round(sum(net_cost_gbp), 6) as net_cost_gbp,
    round(sum(without_gbp), 6) as without_gbp,
    round(sum(saved_gbp), 6) as saved_gbp,
    round(sum(battery_saved_gbp), 6) as battery_saved_gbp,
    count(*) filter (where is_complete) as days,
    day(last_day(month)) as days_expected,
    max(source) as source,
    days = days_expected as is_complete,
    count(*) filter (where is_final) = days_expected as is_final
from cost_daily
group by site, month
