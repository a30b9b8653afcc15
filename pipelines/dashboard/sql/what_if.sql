-- What the shown months would have cost under each loaded tariff, as if you had changed nothing
-- else. A day and a week have no rows.
--
-- A tariff whose prices do not cover all half hours has fewer than `half_hours_known`: compare only
-- tariffs with the same number. Those with the most come first, the cheapest of them ahead.
--
-- key: tariff
-- reads: cost_what_if, tariffs_in_force
-- parameters:
-- site: Site; null if it is not that of one inverter.
-- period: Period that is shown.
-- start: First day.
-- end: Last day.
-- columns:
-- tariff: Tariff.
-- is_in_force: Whether it is in force on the last day.
-- import_cost_gbp: Cost of the imported energy.
-- export_income_gbp: Income of the exported energy.
-- standing_charge_gbp: Standing charges of the days with a cost.
-- net_cost_gbp: Cost less income, with standing charges.
-- saved_gbp: What PV and battery would have saved.
-- half_hours: Half hours with a cost.
-- half_hours_known: Half hours with energies.
-- is_complete: Whether every half hour with energies has a cost, and every such day a standing
-- charge.
select
    tariff,
    tariff in (
        select in_force.tariff
        from tariffs_in_force as in_force
        where in_force.from_date <= $end::date and coalesce(in_force.to_date > $end::date, true)
    ) as is_in_force,
    round(sum(import_cost_gbp), 6) as import_cost_gbp,
    round(sum(export_income_gbp), 6) as export_income_gbp,
    round(sum(standing_charge_gbp), 6) as standing_charge_gbp,
    round(sum(net_cost_gbp), 6) as net_cost_gbp,
    round(sum(saved_gbp), 6) as saved_gbp,
    sum(half_hours)::bigint as half_hours,
    sum(half_hours_known)::bigint as half_hours_known,
    bool_and(is_complete) as is_complete
from cost_what_if
where
    site = $site
    and $period in ('month', 'year', 'all')
    and month between date_trunc('month', $start::date)::date and $end::date
group by tariff
order by half_hours desc nulls last, net_cost_gbp nulls last, tariff
