-- What each half hour of the shown day cost, with its prices; null where energy or price is
-- unknown.
-- Other periods have no rows.
--
-- key: start_at
-- reads: cost_half_hourly
-- parameters:
-- site: Site; null if it is not that of one inverter.
-- period: Period that is shown.
-- zone: Time zone of the day.
-- start: The day.
-- start_at: Its first instant.
-- end_at: The first instant after it.
-- columns:
-- start_at: Start of the half hour, UTC.
-- start_local: Start on the clock; in autumn one hour occurs twice.
-- tariff: Tariff in force; null if none.
-- import_pence: Price of imported energy, in hundredths of the currency per kWh.
-- export_pence: Price of exported energy.
-- import_cost_gbp: Cost of the imported energy.
-- export_income_gbp: Income of the exported energy.
-- net_cost_gbp: Cost less income, without the standing charge.
-- saved_gbp: What PV and battery saved.
-- is_complete: Whether energies and prices are known.
with
    expected as (
        select
            unnest(
                generate_series(
                    $start_at::timestamptz,
                    $end_at::timestamptz - interval 30 minute,
                    interval 30 minute
                )
            ) as start_at
        where $period = 'day' and $site is not null
    ),
    costs as (from cost_half_hourly where site = $site and local_date = $start::date)
select
    start_at,
    strftime(timezone($zone, start_at), '%H:%M') as start_local,
    costs.tariff,
    costs.import_pence,
    costs.export_pence,
    costs.import_cost_gbp,
    costs.export_income_gbp,
    costs.import_cost_gbp - costs.export_income_gbp as net_cost_gbp,
    costs.saved_gbp,
    coalesce(costs.is_complete, false) as is_complete
from expected
left join costs using (start_at)
order by start_at
