-- What each site's energy from one local day to another, both included, costs under a tariff, as
-- if you had changed nothing else.
--
-- key: site
-- reads: site_half_hourly, tariff_prices, tariff_standing_charges, local_days
-- parameters:
-- tariff_name: Name of a loaded tariff.
-- from_date: First local day.
-- to_date: Last local day.
-- columns:
-- site varchar: Site, as in `site_half_hourly`.
-- import_cost_gbp double: Cost of the imported energy; null if no half hour has a price.
-- export_income_gbp double: Income of the exported energy.
-- standing_charge_gbp double: Standing charges of the days with a cost.
-- net_cost_gbp double: Cost less income, with standing charges.
-- half_hours bigint: Half hours with energies and prices.
-- half_hours_known bigint: Half hours with energies.
-- days bigint: Days with half hours.
-- days_expected bigint: Days from the first to the last.
-- source varchar: Where the energies come from, as in `site_half_hourly`.
-- note varchar: as if you had changed nothing else.
-- is_complete boolean: Whether every half hour of every day has a cost, and every day a standing
-- charge.
-- is_final boolean: Whether the energies can no longer change.
with
    balance as (
        select site, start_at, local_date, import_kwh, export_kwh, source, is_final
        from site_half_hourly
        where local_date between from_date::date and to_date::date and home_kwh is not null
    ),
    prices as (
        select start_at, import_pence, export_pence from tariff_prices where tariff = tariff_name
    ),
    standing as (
        select local_date, standing_charge_pence
        from tariff_standing_charges
        where tariff = tariff_name
    ),
    days as (
        select
            balance.site,
            balance.local_date,
            sum(balance.import_kwh * prices.import_pence) filter (
                where prices.export_pence is not null or balance.export_kwh = 0
            ) as cost_pence,
            sum(balance.export_kwh * coalesce(prices.export_pence, 0)) filter (
                where prices.import_pence is not null
            ) as income_pence,
            count(*) filter (
                where
                    prices.import_pence is not null
                    and (prices.export_pence is not null or balance.export_kwh = 0)
            ) as half_hours,
            count(*) as half_hours_known,
            max(balance.source) as source,
            bool_and(balance.is_final) as is_final
        from balance
        left join prices using (start_at)
        group by balance.site, balance.local_date
    ),
    expected as (
        select sum(half_hours) / count(distinct zone) as half_hours
        from local_days
        where local_date between from_date::date and to_date::date
    )
select
    days.site,
    round(sum(days.cost_pence) / 100, 6) as import_cost_gbp,
    round(sum(days.income_pence) / 100, 6) as export_income_gbp,
    round(
        sum(standing.standing_charge_pence) filter (where days.half_hours > 0) / 100, 6
    ) as standing_charge_gbp,
    round(
        import_cost_gbp - export_income_gbp + coalesce(standing_charge_gbp, 0), 6
    ) as net_cost_gbp,
    sum(days.half_hours)::bigint as half_hours,
    sum(days.half_hours_known)::bigint as half_hours_known,
    count(*) as days,
    any_value(to_date::date - from_date::date + 1) as days_expected,
    max(days.source) as source,
    'as if you had changed nothing else' as note,
    coalesce(
        sum(days.half_hours) >= any_value(expected.half_hours)
        and count(standing.standing_charge_pence) = count(*),
        false
    ) as is_complete,
    bool_and(days.is_final) as is_final
from days
left join standing using (local_date)
cross join expected
group by days.site
