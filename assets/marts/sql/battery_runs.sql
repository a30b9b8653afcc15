-- Discharges of a battery by 40 points of its state of charge or more, from which its capacity
-- follows.
--
-- At most one a day: from the last point at the day's highest state of charge on. It ends with
-- the last point before the state of charge falls to its lowest, so that both ends are just
-- before a step of the state of charge, and neither its rounding nor the time between points adds
-- up. Only the counter of the day is used, of points at 01:00 or later.
--
-- key: inverter_serial, local_date
-- reads: inverter_data_points
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- local_date date: Local day.
-- started_at timestamptz: Begin of the run, UTC.
-- ended_at timestamptz: End of the run, UTC.
-- start_percent double: State of charge at its begin.
-- end_percent double: State of charge at its end.
-- discharge_kwh double: Energy taken from the battery.
-- recharge_kwh double: Energy put into the battery meanwhile, 0.1 at most.
-- usable_kwh double: Capacity from full to empty that it shows.
with
    levels as (
        select
            inverter_serial,
            local_date,
            battery_percent as percent,
            max(time) as last_at,
            /* Counters only grow within a day, so that the largest is the one of the last point. */
            max(today_battery_discharge_kwh) as discharge,
            max(today_battery_charge_kwh) as charge
        from inverter_data_points
        where
            local_time >= local_date + interval 1 hour
            and battery_percent is not null
            and today_battery_discharge_kwh is not null
            and today_battery_charge_kwh is not null
        group by inverter_serial, local_date, battery_percent
    ),
    starts as (
        select
            inverter_serial,
            local_date,
            max(percent) as start_percent,
            arg_max(last_at, percent) as started_at,
            arg_max(discharge, percent) as start_discharge,
            arg_max(charge, percent) as start_charge
        from levels
        group by inverter_serial, local_date
    ),
    ends as (
        select
            inverter_serial,
            local_date,
            any_value(starts.start_percent) as start_percent,
            any_value(starts.started_at) as started_at,
            arg_min(
                {
                    ended_at:levels.last_at,
                    percent:levels.percent,
                    discharge:levels.discharge - starts.start_discharge,
                    recharge:levels.charge - starts.start_charge
                },
                levels.percent,
                2
            ) as lowest
        from levels
        inner join starts using (inverter_serial, local_date)
        where
            levels.last_at > starts.started_at
            /* Counters are sent in steps of 0.1, which are not exact in binary. */
            and levels.charge - starts.start_charge < 0.15
        group by inverter_serial, local_date
    )
select
    inverter_serial,
    local_date,
    started_at,
    lowest[2].ended_at as ended_at,
    start_percent,
    lowest[2].percent as end_percent,
    lowest[2].discharge as discharge_kwh,
    lowest[2].recharge as recharge_kwh,
    100 * discharge_kwh / (start_percent - end_percent) as usable_kwh
from ends
where start_percent - lowest[2].percent >= 40 and lowest[2].discharge > 0
