-- The energies of each inverter and month, with the number of days that they are of.
--
-- Sums over days that are not whole are sums over what is there: `days` of `days_expected`.
--
-- key: inverter_serial, month
-- reads: daily_energy
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- month date: First day of the month.
-- solar_kwh double: Solar energy.
-- import_kwh double: Energy taken from the grid.
-- export_kwh double: Energy given to the grid.
-- charge_kwh double: Energy put into the battery.
-- discharge_kwh double: Energy taken from the battery.
-- home_kwh double: Energy used in the home, of the days with flows.
-- home_counter_kwh double: Energy used in the home by the inverter's counter, of the days with
-- points.
-- source varchar: Where its days come from; both, with a plus between them, if some lack flows;
-- null without data.
-- days bigint: Days whose energies are whole.
-- flow_days bigint: Days of which flows are used.
-- days_expected bigint: Days of the month.
-- is_complete boolean: Whether every day of the month is whole.
-- is_final boolean: Whether every day of the month was fetched after its data could change.
select
    inverter_serial,
    date_trunc('month', local_date)::date as month,
    round(sum(solar_kwh), 2) as solar_kwh,
    round(sum(import_kwh), 2) as import_kwh,
    round(sum(export_kwh), 2) as export_kwh,
    round(sum(charge_kwh), 2) as charge_kwh,
    round(sum(discharge_kwh), 2) as discharge_kwh,
    round(sum(home_kwh), 2) as home_kwh,
    round(sum(home_counter_kwh), 2) as home_counter_kwh,
    string_agg(distinct source, '+' order by source) as source,
    count(*) filter (where is_complete) as days,
    count(*) filter (where source = 'energy_flows') as flow_days,
    day(last_day(month)) as days_expected,
    days = days_expected as is_complete,
    count(*) filter (where is_final) = days_expected as is_final
from daily_energy
group by inverter_serial, month
