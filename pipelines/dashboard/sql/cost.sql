-- What the energy of the shown period cost and saved by day, month or year, as it was paid.
--
-- Sums over the half hours with a price, `days` of `days_expected` of which are whole. Only a site
-- has a cost: of an inverter it is that of its site, if it is the only one there.
--
-- key: bucket_start
-- reads: cost_daily
-- parameters:
-- site: Site; null if it is not that of one inverter.
-- start: First day.
-- end: Last day.
-- first_date: First day of the device with data.
-- bucket: day, month or year.
-- columns:
-- bucket_start: First day of the day, month or year.
-- tariff: Tariffs in force, separated by commas; null if none.
-- import_cost_gbp: Cost of the imported energy.
-- export_income_gbp: Income of the exported energy.
-- standing_charge_gbp: Standing charges.
-- net_cost_gbp: Cost less income, with standing charges.
-- without_gbp: What the home's energy would have cost from the grid alone, with standing charges.
-- saved_gbp: What PV and battery saved.
-- battery_saved_gbp: The battery's part of it; null if that of a day is unknown.
-- import_kwh: Energy taken from the grid in half hours with a cost.
-- export_kwh: Energy given to the grid in half hours with a cost.
-- days: Days whose cost is whole.
-- days_expected: Days up to today since the first one with data.
-- is_complete: Whether all of them are whole; not before the first data.
with
    buckets as (
        select
            unnest(
                generate_series(
                    date_trunc($bucket, $start::date::timestamp),
                    $end::date::timestamp,
                    ('1 ' || $bucket)::interval
                )
            )::date as bucket_start
        where $site is not null
    ),
    sums as (
        select
            date_trunc($bucket, local_date)::date as bucket_start,
            string_agg(distinct tariff, ', ' order by tariff) as tariff,
            sum(import_cost_gbp) as import_cost_gbp,
            sum(export_income_gbp) as export_income_gbp,
            sum(standing_charge_gbp) as standing_charge_gbp,
            sum(net_cost_gbp) as net_cost_gbp,
            sum(without_gbp) as without_gbp,
            sum(saved_gbp) as saved_gbp,
            case
                when count(battery_saved_gbp) = count(saved_gbp) then sum(battery_saved_gbp)
            end as battery_saved_gbp,
            sum(import_kwh) as import_kwh,
            sum(export_kwh) as export_kwh,
            count(*) filter (where is_complete) as days
        from cost_daily
        where site = $site and local_date between $start::date and $end::date
        group by bucket_start
    )
select
    buckets.bucket_start,
    sums.tariff,
    round(sums.import_cost_gbp, 6) as import_cost_gbp,
    round(sums.export_income_gbp, 6) as export_income_gbp,
    round(sums.standing_charge_gbp, 6) as standing_charge_gbp,
    round(sums.net_cost_gbp, 6) as net_cost_gbp,
    round(sums.without_gbp, 6) as without_gbp,
    round(sums.saved_gbp, 6) as saved_gbp,
    round(sums.battery_saved_gbp, 6) as battery_saved_gbp,
    round(sums.import_kwh, 3) as import_kwh,
    round(sums.export_kwh, 3) as export_kwh,
    coalesce(sums.days, 0) as days,
    greatest(
        0,
        least((buckets.bucket_start + ('1 ' || $bucket)::interval)::date, $end::date + 1)
        - greatest(buckets.bucket_start, $start::date, $first_date::date)
    ) as days_expected,
    coalesce(sums.days > 0 and sums.days >= days_expected, false) as is_complete
from buckets
left join sums using (bucket_start)
order by buckets.bucket_start
