-- The battery of each inverter by local day: state of charge, energies, cycles, temperature.
--
-- A Gateway sends no state of charge: see the inverters behind it. A cycle is one usable nominal
-- capacity discharged: Ah x V x depth of discharge. The lifetime totals of the API are not used;
-- they are wrong for batteries.
--
-- key: inverter_serial, local_date
-- reads: daily_energy, inverter_data_points, inverters
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- local_date date: Local day.
-- min_percent double: Lowest state of charge.
-- max_percent double: Highest state of charge.
-- first_percent double: State of charge of the first point.
-- last_percent double: State of charge of the last point.
-- charge_kwh double: Energy put into the battery.
-- discharge_kwh double: Energy taken from the battery.
-- nominal_kwh double: Usable nominal capacity on the day, by the list of devices; without a known
-- depth of discharge, the whole.
-- cycles double: Discharged energy over the usable nominal capacity.
-- hours_full double: Hours at 98 % or more, of the half hours with points.
-- hours_empty double: Hours at the lowest state of charge that the depth of discharge allows, or at
-- 4 % or less.
-- hours_known double: Hours of the half hours with a state of charge.
-- min_temperature_celsius double: Lowest battery temperature.
-- max_temperature_celsius double: Highest battery temperature.
-- source varchar: Where the energies come from, as in `daily_energy`.
-- is_complete boolean: Whether the energies are those of the whole day.
-- is_final boolean: Whether the day was fetched after its data could change.
with
    nominal as (
        select
            inverter_serial,
            battery_nominal_capacity_ah
            * battery_nominal_voltage_v
            * coalesce(battery_depth_of_discharge, 1)
            / 1000 as nominal_kwh,
            greatest(
                4, round(100 * (1 - coalesce(battery_depth_of_discharge, 1)))
            ) as empty_percent,
            case
                when row_number() over (partition by inverter_serial order by valid_from) = 1
                then date '1900-01-01'
                else timezone('UTC', valid_from)::date
            end as from_date
        from inverters
    ),
    days as (
        select energy.*, nominal.nominal_kwh
        from daily_energy as energy
        asof left join
            nominal
            on energy.inverter_serial = nominal.inverter_serial
            and energy.local_date >= nominal.from_date
    ),
    /* What counts as empty is by the newest depth of discharge, which hardly ever changes. */
    depths as (
        select inverter_serial, arg_max(empty_percent, from_date) as empty_percent
        from nominal
        group by inverter_serial
    ),
    half_hours as (
        select
            inverter_serial,
            local_date,
            floor(epoch_ms(time) / 1800000)::int as half_hour,
            count(*) filter (where battery_percent >= 98) / count(battery_percent) as full_share,
            count(*) filter (where battery_percent <= coalesce(empty_percent, 4))
            / count(battery_percent) as empty_share,
            min(battery_percent) as min_percent,
            max(battery_percent) as max_percent,
            arg_min(battery_percent, time) as first_percent,
            arg_max(battery_percent, time) as last_percent,
            min(battery_temperature_celsius) as min_temperature_celsius,
            max(battery_temperature_celsius) as max_temperature_celsius
        from inverter_data_points
        left join depths using (inverter_serial)
        where battery_percent is not null
        group by inverter_serial, local_date, half_hour
    ),
    states as (
        select
            inverter_serial,
            local_date,
            min(min_percent) as min_percent,
            max(max_percent) as max_percent,
            arg_min(first_percent, half_hour) as first_percent,
            arg_max(last_percent, half_hour) as last_percent,
            sum(full_share) / 2 as hours_full,
            sum(empty_share) / 2 as hours_empty,
            count(*) / 2 as hours_known,
            min(min_temperature_celsius) as min_temperature_celsius,
            max(max_temperature_celsius) as max_temperature_celsius
        from half_hours
        group by inverter_serial, local_date
    )
select
    inverter_serial,
    local_date,
    states.min_percent,
    states.max_percent,
    states.first_percent,
    states.last_percent,
    days.charge_kwh,
    days.discharge_kwh,
    days.nominal_kwh,
    days.discharge_kwh / nullif(days.nominal_kwh, 0) as cycles,
    states.hours_full,
    states.hours_empty,
    coalesce(states.hours_known, 0) as hours_known,
    states.min_temperature_celsius,
    states.max_temperature_celsius,
    days.source,
    days.is_complete,
    days.is_final
from days
left join states using (inverter_serial, local_date)
