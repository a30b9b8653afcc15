-- What each month of a site would have cost under every loaded tariff, as if you had changed
-- nothing else.
--
-- Over the real history: under another tariff you might have used, charged and exported at other
-- times. A month that a tariff's prices do not cover whole has fewer half hours than expected:
-- compare only months with the same number.
--
-- key: site, tariff, month
-- reads: site_half_hourly, tariffs, tariff_prices, tariff_standing_charges
-- columns:
-- site varchar: Site, as in `site_half_hourly`.
-- tariff varchar: Tariff.
-- month date: First day of the month.
-- import_cost_gbp double: Cost of the imported energy.
-- export_income_gbp double: Income of the exported energy.
-- standing_charge_gbp double: Standing charges of the days with a cost.
-- net_cost_gbp double: Cost less income, with standing charges.
-- without_gbp double: What the home's energy would have cost from the grid alone, with standing
-- charges.
-- saved_gbp double: What PV and battery would have saved.
-- half_hours bigint: Half hours with a cost.
-- half_hours_known bigint: Half hours with energies.
-- note varchar: as if you had changed nothing else.
-- source varchar: Where the energies come from, as in `site_half_hourly`.
-- is_complete boolean: Whether every half hour with energies has a cost, and every such day a
-- standing charge.
-- is_final boolean: Whether the energies can no longer change.
with
    names as (select distinct tariff from tariffs),
    balance as (
        select
            site,
            start_at,
            local_date,
            date_trunc('month', local_date)::date as month,
            import_kwh,
            export_kwh,
            home_kwh,
            source,
            is_final
        from site_half_hourly
        where home_kwh is not null
    ),
    known as (
        select
            site,
            month,
            count(*) as half_hours_known,
            max(source) as source,
            bool_and(is_final) as is_final
        from balance
        group by site, month
    ),
    cost_days as (
        select
            balance.site,
            prices.tariff,
            balance.month,
            balance.local_date,
            sum(balance.import_kwh * prices.import_pence) as import_pence,
            sum(balance.export_kwh * coalesce(prices.export_pence, 0)) as export_pence,
            sum(balance.home_kwh * prices.import_pence) as without_pence,
            count(*) as half_hours
        from balance
        inner join tariff_prices as prices using (start_at)
        where
            prices.import_pence is not null
            and (prices.export_pence is not null or balance.export_kwh = 0)
        group by balance.site, prices.tariff, balance.month, balance.local_date
    ),
    costs as (
        select
            days.site,
            days.tariff,
            days.month,
            sum(days.import_pence) / 100 as import_cost,
            sum(days.export_pence) / 100 as export_income,
            sum(days.without_pence) / 100 as without_cost,
            sum(charges.standing_charge_pence) / 100 as standing_charge,
            count(*) = count(charges.standing_charge_pence) as has_standing_charges,
            sum(days.half_hours)::bigint as half_hours
        from cost_days as days
        left join tariff_standing_charges as charges using (tariff, local_date)
        group by days.site, days.tariff, days.month
    )
select
    known.site,
    names.tariff,
    known.month,
    round(costs.import_cost, 6) as import_cost_gbp,
    round(costs.export_income, 6) as export_income_gbp,
    round(costs.standing_charge, 6) as standing_charge_gbp,
    round(
        costs.import_cost - costs.export_income + coalesce(costs.standing_charge, 0), 6
    ) as net_cost_gbp,
    round(costs.without_cost + coalesce(costs.standing_charge, 0), 6) as without_gbp,
    round(costs.without_cost - costs.import_cost + costs.export_income, 6) as saved_gbp,
    coalesce(costs.half_hours, 0) as half_hours,
    known.half_hours_known,
    'as if you had changed nothing else' as note,
    known.source,
    coalesce(
        costs.half_hours = known.half_hours_known and costs.has_standing_charges, false
    ) as is_complete,
    known.is_final
from known
cross join names
left join
    costs on known.site = costs.site and names.tariff = costs.tariff and known.month = costs.month
