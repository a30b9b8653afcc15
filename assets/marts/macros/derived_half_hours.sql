-- The energy balance of each half hour that data points cover from start to end, derived from
-- them.
--
-- Steps between points are of at most 30 minutes; longer ones are in `gaps`. The power between
-- two points is the mean of both (trapezoids). Each day's energies are scaled to what its daily
-- counters counted over the same steps; by how much is limited, as a counter can be wrong too.
-- What a step contains of each flow follows from this order: PV supplies the home, then the
-- battery, then the grid.
--
-- key: inverter_serial, start_at
-- reads:
-- parameters:
-- points := 'inverter_data_points': Name of a table or view with the columns that this has.
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- start_at timestamptz: Start of the half hour, UTC.
-- start_local timestamp: Start in local time.
-- local_date date: Local day.
-- pv_to_home_kwh double: Solar energy used in the home directly.
-- pv_to_battery_kwh double: Solar energy that charged the battery.
-- pv_to_grid_kwh double: Solar energy exported.
-- grid_to_home_kwh double: Grid energy used in the home directly.
-- grid_to_battery_kwh double: Grid energy that charged the battery.
-- battery_to_home_kwh double: Battery energy used in the home.
-- battery_to_grid_kwh double: Battery energy exported.
-- solar_kwh double: Solar energy.
-- import_kwh double: Energy taken from the grid.
-- export_kwh double: Energy given to the grid.
-- charge_kwh double: Energy put into the battery.
-- discharge_kwh double: Energy taken from the battery.
-- home_kwh double: Energy used in the home, with what the inverter itself uses.
-- source varchar: inverter_data_points.
with
    readings as (
        select
            inverter_serial,
            time,
            local_date,
            local_time - timezone('UTC', time) as utc_offset,
            /* What an inverter lacks is null all day, and was not counted either, such as the
               battery of one without. */
            case
                when bool_and(solar_power_w is null and coalesce(today_solar_kwh, 0) = 0) over day
                then 0
                else solar_power_w
            end as solar_w,
            case
                when
                    bool_and(
                        battery_power_w is null
                        and coalesce(today_battery_charge_kwh, 0) = 0
                        and coalesce(today_battery_discharge_kwh, 0) = 0
                    ) over day
                then 0
                else battery_power_w
            end as battery_w,
            grid_power_w as grid_w,
            {
                solar:today_solar_kwh,
                import:today_grid_import_kwh,
                export:today_grid_export_kwh,
                charge:today_battery_charge_kwh,
                discharge:today_battery_discharge_kwh
            } as counter
        from query_table(points)
        window day as (partition by inverter_serial, local_date)
    ),
    points as (
        select
            inverter_serial,
            time,
            local_date,
            utc_offset,
            {
                solar:solar_w,
                import:greatest(- grid_w, 0),
                export:greatest(grid_w, 0),
                charge:greatest(- battery_w, 0),
                discharge:greatest(battery_w, 0)
            } as power,
            counter
        from readings
        /* A single null is no zero, which greatest() would make of it. */
        where solar_w is not null and grid_w is not null and battery_w is not null
    ),
    pairs as (
        select
            *,
            lead(time) over later as next_time,
            lead(local_date) over later as next_local_date,
            lead(utc_offset) over later as next_utc_offset,
            lead(power) over later as next_power,
            lead(counter) over later as next_counter
        from points
        window later as (partition by inverter_serial order by time)
    ),
    steps as (
        select
            inverter_serial,
            time,
            next_time,
            local_date,
            next_local_date,
            utc_offset,
            next_utc_offset,
            epoch(next_time - time) / 3.6e6 as kwh_per_w,
            (power.solar + next_power.solar) / 2 as solar_w,
            (power.import + next_power.import) / 2 as import_w,
            (power.export + next_power.export) / 2 as export_w,
            (power.charge + next_power.charge) / 2 as charge_w,
            (power.discharge + next_power.discharge) / 2 as discharge_w,
            next_counter.solar - counter.solar as solar_step,
            next_counter.import - counter.import as import_step,
            next_counter.export - counter.export as export_step,
            next_counter.charge - counter.charge as charge_step,
            next_counter.discharge - counter.discharge as discharge_step
        from pairs
        where next_time - time <= interval 30 minute
    ),
    /* Over a step in which it is reset, or steps back by 0.1, a counter says nothing. */
    days as (
        select
            inverter_serial,
            local_date,
            sum(solar_step) filter (where solar_step > -0.11) as solar_counted,
            sum(solar_w * kwh_per_w) filter (where solar_step > -0.11) as solar_integrated,
            sum(import_step) filter (where import_step > -0.11) as import_counted,
            sum(import_w * kwh_per_w) filter (where import_step > -0.11) as import_integrated,
            sum(export_step) filter (where export_step > -0.11) as export_counted,
            sum(export_w * kwh_per_w) filter (where export_step > -0.11) as export_integrated,
            sum(charge_step) filter (where charge_step > -0.11) as charge_counted,
            sum(charge_w * kwh_per_w) filter (where charge_step > -0.11) as charge_integrated,
            sum(discharge_step) filter (where discharge_step > -0.11) as discharge_counted,
            sum(discharge_w * kwh_per_w) filter (
                where discharge_step > -0.11
            ) as discharge_integrated
        from steps
        where local_date = next_local_date
        group by inverter_serial, local_date
    ),
    factors as (
        select
            inverter_serial,
            local_date,
            case
                when solar_counted >= 0.5 and solar_integrated >= 0.5
                then greatest(0.8, least(1.25, solar_counted / solar_integrated))
                else 1
            end as solar_factor,
            case
                when import_counted >= 0.5 and import_integrated >= 0.5
                then greatest(0.8, least(1.25, import_counted / import_integrated))
                else 1
            end as import_factor,
            case
                when export_counted >= 0.5 and export_integrated >= 0.5
                then greatest(0.8, least(1.25, export_counted / export_integrated))
                else 1
            end as export_factor,
            case
                when charge_counted >= 0.5 and charge_integrated >= 0.5
                then greatest(0.8, least(1.25, charge_counted / charge_integrated))
                else 1
            end as charge_factor,
            case
                when discharge_counted >= 0.5 and discharge_integrated >= 0.5
                then greatest(0.8, least(1.25, discharge_counted / discharge_integrated))
                else 1
            end as discharge_factor
        from days
    ),
    /* A step belongs to one or two half hours, in proportion to its time in each. */
    parts as (
        select
            inverter_serial,
            unnest(
                [
                    {
                        start_at:time_bucket(interval 30 minute, time),
                        part_local_date:local_date,
                        part_utc_offset:utc_offset,
                        seconds:epoch(
                            least(
                                next_time,
                                time_bucket(interval 30 minute, time) + interval 30 minute
                            )
                            - time
                        )
                    },
                    {
                        start_at:time_bucket(interval 30 minute, time) + interval 30 minute,
                        part_local_date:next_local_date,
                        part_utc_offset:next_utc_offset,
                        seconds:epoch(
                            next_time - time_bucket(interval 30 minute, time) - interval 30 minute
                        )
                    }
                ],
                recursive := true
            ),
            solar_w * coalesce(solar_factor, 1) / 3.6e6 as solar_kwh_per_s,
            import_w * coalesce(import_factor, 1) / 3.6e6 as import_kwh_per_s,
            export_w * coalesce(export_factor, 1) / 3.6e6 as export_kwh_per_s,
            charge_w * coalesce(charge_factor, 1) / 3.6e6 as charge_kwh_per_s,
            discharge_w * coalesce(discharge_factor, 1) / 3.6e6 as discharge_kwh_per_s
        from steps
        left join factors using (inverter_serial, local_date)
    ),
    energies as (
        select
            inverter_serial,
            start_at,
            part_local_date as local_date,
            part_utc_offset as utc_offset,
            seconds,
            solar_kwh_per_s * seconds as solar_kwh,
            import_kwh_per_s * seconds as import_kwh,
            export_kwh_per_s * seconds as export_kwh,
            charge_kwh_per_s * seconds as charge_kwh,
            discharge_kwh_per_s * seconds as discharge_kwh,
            /* What the inverter itself uses is part of it, as in the flows of the API. */
            greatest(
                0, solar_kwh + import_kwh + discharge_kwh - export_kwh - charge_kwh
            ) as home_kwh
        from parts
        where seconds > 0
    ),
    split as (
        select
            *,
            least(solar_kwh, home_kwh) as pv_to_home_kwh,
            least(solar_kwh - pv_to_home_kwh, charge_kwh) as pv_to_battery_kwh,
            least(solar_kwh - pv_to_home_kwh - pv_to_battery_kwh, export_kwh) as pv_to_grid_kwh,
            least(charge_kwh - pv_to_battery_kwh, import_kwh) as grid_to_battery_kwh,
            import_kwh - grid_to_battery_kwh as grid_to_home_kwh,
            least(export_kwh - pv_to_grid_kwh, discharge_kwh) as battery_to_grid_kwh,
            discharge_kwh - battery_to_grid_kwh as battery_to_home_kwh
        from energies
    )
select
    inverter_serial,
    start_at,
    timezone('UTC', start_at) + min(utc_offset) as start_local,
    min(local_date) as local_date,
    sum(pv_to_home_kwh) as pv_to_home_kwh,
    sum(pv_to_battery_kwh) as pv_to_battery_kwh,
    sum(pv_to_grid_kwh) as pv_to_grid_kwh,
    sum(grid_to_home_kwh) as grid_to_home_kwh,
    sum(grid_to_battery_kwh) as grid_to_battery_kwh,
    sum(battery_to_home_kwh) as battery_to_home_kwh,
    sum(battery_to_grid_kwh) as battery_to_grid_kwh,
    sum(pv_to_home_kwh + pv_to_battery_kwh + pv_to_grid_kwh) as solar_kwh,
    sum(grid_to_home_kwh + grid_to_battery_kwh) as import_kwh,
    sum(pv_to_grid_kwh + battery_to_grid_kwh) as export_kwh,
    sum(pv_to_battery_kwh + grid_to_battery_kwh) as charge_kwh,
    sum(battery_to_home_kwh + battery_to_grid_kwh) as discharge_kwh,
    sum(pv_to_home_kwh + grid_to_home_kwh + battery_to_home_kwh) as home_kwh,
    'inverter_data_points' as source
from split
group by inverter_serial, start_at
having sum(seconds) > 1799
