-- What each half hour of a site cost under the tariff in force that day, and what it would have
-- cost without PV and battery.
--
-- Without the standing charge, which `cost_daily` has once a day. Money is in the currency of the
-- tariffs; a half hour without a price, or without a known meter, has a null cost and never 0.
--
-- key: site, start_at
-- reads: site_half_hourly, tariff_prices, tariffs_in_force
-- columns:
-- site varchar: Site, as in `site_half_hourly`.
-- start_at timestamptz: Start of the half hour, UTC.
-- start_local timestamp: Start in local time.
-- local_date date: Local day.
-- settlement_period bigint: Number of the half hour in the local day, from 1.
-- half_hours_expected bigint: Half hours of the local day: 48, or 46 or 50 where clocks change.
-- tariff varchar: Tariff in force; null if `givlake tariffs use` named none.
-- import_pence double: Price of imported energy, pence per kWh.
-- export_pence double: Price of exported energy, pence per kWh.
-- import_kwh double: Energy taken from the grid.
-- export_kwh double: Energy given to the grid.
-- home_kwh double: Energy used in the home.
-- import_cost_gbp double: Cost of the imported energy.
-- export_income_gbp double: Income of the exported energy.
-- without_gbp double: What the home's energy would have cost from the grid alone.
-- saved_gbp double: What PV and battery saved: without them, less the cost, plus the income.
-- battery_saved_gbp double: The battery's part: what it gave at the price then, less what charged
-- it, solar energy at the export price; null if a price that it needs is unknown.
-- source varchar: Where the energies come from, as in `site_half_hourly`.
-- is_complete boolean: Whether energies and prices are known.
-- is_final boolean: Whether the energies can no longer change.
select
    balance.site,
    balance.start_at,
    balance.start_local,
    balance.local_date,
    balance.settlement_period,
    balance.half_hours_expected,
    in_force.tariff,
    prices.import_pence,
    prices.export_pence,
    balance.import_kwh,
    balance.export_kwh,
    balance.home_kwh,
    balance.import_kwh * prices.import_pence / 100 as import_cost_gbp,
    /* Without an export price nothing is paid only if nothing is exported. */
    case
        when balance.export_kwh = 0 and in_force.tariff is not null
        then 0
        else balance.export_kwh * prices.export_pence / 100
    end as export_income_gbp,
    balance.home_kwh * prices.import_pence / 100 as without_gbp,
    without_gbp - import_cost_gbp + export_income_gbp as saved_gbp,
    (
        balance.battery_to_home_kwh * prices.import_pence
        - balance.grid_to_battery_kwh * prices.import_pence
        + case
            when balance.battery_to_grid_kwh = 0
            then 0
            else balance.battery_to_grid_kwh * prices.export_pence
        end
        - case
            when balance.pv_to_battery_kwh = 0
            then 0
            else balance.pv_to_battery_kwh * prices.export_pence
        end
    )
    / 100 as battery_saved_gbp,
    balance.source,
    coalesce(saved_gbp is not null, false) as is_complete,
    balance.is_final
from site_half_hourly as balance
left join
    tariffs_in_force as in_force
    on balance.local_date >= in_force.from_date
    and balance.local_date < coalesce(in_force.to_date, date '9999-12-31')
left join
    tariff_prices as prices
    on in_force.tariff = prices.tariff
    and balance.start_at = prices.start_at
