-- What each battery can still hold, by month: from its discharges, and as its management system
-- says.
--
-- `usable_kwh` comes from `battery_runs`; fewer than 5 in a month are too few. `bms_kwh` is what
-- the management system reports, which it estimates anew now and then. The two differ by the part
-- that is never discharged: compare each with itself over time.
--
-- key: inverter_serial, month
-- reads: battery_runs, battery_daily, batteries, inverters
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- month date: First day of the month.
-- usable_kwh double: Median capacity from full to empty; null below 5 runs.
-- usable_low_kwh double: Its lower quartile.
-- usable_high_kwh double: Its upper quartile.
-- runs bigint: Discharges that it is found from.
-- bms_kwh double: Full capacity of all modules by the management system, at the end of the month;
-- null before it was first fetched.
-- round_trip double: Energy taken from the battery over energy put into it, with the change of its
-- charge; null below 28 whole days or 5 runs.
-- source varchar: battery_runs, battery_daily: the marts that it is found from.
-- days bigint: Whole days of the month.
-- is_complete boolean: Whether all days of the month are whole.
-- is_final boolean: Whether all days of the month were fetched after their data could change.
with
    months as (
        select
            inverter_serial,
            date_trunc('month', local_date)::date as month,
            sum(charge_kwh) filter (where is_complete) as charge,
            sum(discharge_kwh) filter (where is_complete) as discharge,
            arg_min(first_percent, local_date) filter (where is_complete) as first_percent,
            arg_max(last_percent, local_date) filter (where is_complete) as last_percent,
            count(*) filter (where is_complete) as days,
            days = day(last_day(month)) as is_complete,
            count(*) filter (where is_final) = day(last_day(month)) as is_final
        from battery_daily
        group by inverter_serial, month
    ),
    runs as (
        select
            inverter_serial,
            date_trunc('month', local_date)::date as month,
            count(*) as runs,
            quantile_cont(usable_kwh, [0.25, 0.5, 0.75]) as usable
        from battery_runs
        group by inverter_serial, month
    ),
    voltages as (
        select inverter_serial, arg_max(battery_nominal_voltage_v, valid_from) as voltage_v
        from inverters
        group by inverter_serial
    ),
    bms as (
        select
            months.inverter_serial,
            months.month,
            case
                when
                    count(*) = count(
                        modules.capacity_full_ah
                        * coalesce(modules.nominal_voltage_v, voltages.voltage_v)
                    )
                then
                    sum(
                        modules.capacity_full_ah
                        * coalesce(modules.nominal_voltage_v, voltages.voltage_v)
                        / 1000
                    )
            end as bms_kwh
        from months
        inner join
            batteries as modules
            on months.inverter_serial = modules.inverter_serial
            and modules.valid_from < timezone('UTC', months.month + interval 1 month)
            and coalesce(modules.valid_to >= timezone('UTC', months.month + interval 1 month), true)
        left join voltages on months.inverter_serial = voltages.inverter_serial
        group by months.inverter_serial, months.month
    )
select
    inverter_serial,
    month,
    case when runs.runs >= 5 then runs.usable[2] else null end as usable_kwh,
    case when runs.runs >= 5 then runs.usable[1] else null end as usable_low_kwh,
    case when runs.runs >= 5 then runs.usable[3] else null end as usable_high_kwh,
    coalesce(runs.runs, 0) as runs,
    bms.bms_kwh,
    case
        when months.days >= 28 and runs.runs >= 5
        then
            (months.discharge + (months.last_percent - months.first_percent) / 100 * runs.usable[2])
            / nullif(months.charge, 0)
        else null
    end as round_trip,
    'battery_runs, battery_daily' as source,
    months.days,
    months.is_complete,
    months.is_final
from months
left join runs using (inverter_serial, month)
left join bms using (inverter_serial, month)
