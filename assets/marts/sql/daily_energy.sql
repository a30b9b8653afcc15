-- The energies of each inverter and local day: sums of its half-hourly flows, or else its daily
-- counters.
--
-- Flows are used if every half hour of the day is there. Else the counters of the day's last
-- point at 01:00 or later are used: the first points of a day can carry the day before, so that
-- neither their largest value nor the sum of their steps is the day's energy. Where neither is
-- there, energies are null. The home's energy from flows includes what the inverter itself uses;
-- that of the counter does not, so the two are separate columns and never to be added up.
--
-- key: inverter_serial, local_date
-- reads: inverter_flow_days, inverter_data_points, inverter_days
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- local_date date: Local day.
-- solar_kwh double: Solar energy.
-- import_kwh double: Energy taken from the grid.
-- export_kwh double: Energy given to the grid.
-- charge_kwh double: Energy put into the battery.
-- discharge_kwh double: Energy taken from the battery.
-- home_kwh double: Energy used in the home, with what the inverter itself uses; null unless the
-- source is energy_flows.
-- home_counter_kwh double: Energy used in the home by the inverter's counter, without what the
-- inverter itself uses.
-- pv_to_home_kwh double: Solar energy used in the home directly; null unless the source is
-- energy_flows, as the next six.
-- pv_to_battery_kwh double: Solar energy that charged the battery.
-- pv_to_grid_kwh double: Solar energy exported.
-- grid_to_home_kwh double: Grid energy used in the home directly.
-- grid_to_battery_kwh double: Grid energy that charged the battery.
-- battery_to_home_kwh double: Battery energy used in the home.
-- battery_to_grid_kwh double: Battery energy exported.
-- source varchar: energy_flows, or inverter_data_points for the counters; null without data.
-- half_hours bigint: Half hours with flows.
-- half_hours_expected bigint: Half hours of the day: 46, 48 or 50.
-- points bigint: Data points of the day.
-- last_point_at timestamptz: Time of the last data point, UTC.
-- deviation_kwh double: Largest difference between flows and counters of the five energies; null if
-- one is not whole.
-- is_complete boolean: Whether the energies are those of the whole day: all half hours, or a last
-- point at 23:30 or later; otherwise they are a lower bound or null.
-- is_final boolean: Whether the day was fetched after its data could change.
with
    point_days as (
        select
            inverter_serial,
            local_date,
            count(*) as points,
            max(time) as last_point_at,
            coalesce(
                max(local_time) filter (where today_grid_import_kwh is not null)
                >= local_date + interval 1410 minute,
                false
            ) as is_whole,
            count(today_solar_kwh) > 0 as has_solar,
            count(today_grid_export_kwh) > 0 as has_export,
            count(today_battery_charge_kwh) > 0 as has_charge,
            count(today_battery_discharge_kwh) > 0 as has_discharge,
            arg_max(
                {
                    solar:today_solar_kwh,
                    import:today_grid_import_kwh,
                    export:today_grid_export_kwh,
                    charge:today_battery_charge_kwh,
                    discharge:today_battery_discharge_kwh,
                    home:today_consumption_kwh
                },
                time
            ) filter (
                where
                    local_time >= local_date + interval 1 hour and today_grid_import_kwh is not null
            ) as counter
        from inverter_data_points
        group by inverter_serial, local_date
    ),
    days as (
        select
            inverter_serial,
            local_date,
            coalesce(flows.half_hours, 0) as half_hours,
            coalesce(inverter_days.half_hours, 48) as half_hours_expected,
            coalesce(flows.is_complete, false) as has_flows,
            coalesce(points, 0) as points,
            last_point_at,
            /* A counter that is null all day is one that the inverter lacks. */
            is_whole
            and (counter.solar is not null or not has_solar)
            and (counter.export is not null or not has_export)
            and (counter.charge is not null or not has_charge)
            and (counter.discharge is not null or not has_discharge) as is_whole,
            counter,
            flows.pv_to_home_kwh as pv_to_home,
            flows.pv_to_battery_kwh as pv_to_battery,
            flows.pv_to_grid_kwh as pv_to_grid,
            flows.grid_to_home_kwh as grid_to_home,
            flows.grid_to_battery_kwh as grid_to_battery,
            flows.battery_to_home_kwh as battery_to_home,
            flows.battery_to_grid_kwh as battery_to_grid,
            flows_state,
            points_state
        from inverter_flow_days as flows
        full join point_days using (inverter_serial, local_date)
        full join inverter_days using (inverter_serial, local_date)
    ),
    judged as (
        select
            *,
            not has_flows and counter is not null as has_counters,
            case
                when has_flows then pv_to_home + pv_to_battery + pv_to_grid else null
            end as flow_solar,
            case when has_flows then grid_to_home + grid_to_battery else null end as flow_import,
            case when has_flows then pv_to_grid + battery_to_grid else null end as flow_export,
            case when has_flows then pv_to_battery + grid_to_battery else null end as flow_charge,
            case
                when has_flows then battery_to_home + battery_to_grid else null
            end as flow_discharge
        from days
    )
select
    inverter_serial,
    local_date,
    round(case when has_flows then flow_solar else counter.solar end, 2) as solar_kwh,
    round(case when has_flows then flow_import else counter.import end, 2) as import_kwh,
    round(case when has_flows then flow_export else counter.export end, 2) as export_kwh,
    round(case when has_flows then flow_charge else counter.charge end, 2) as charge_kwh,
    round(case when has_flows then flow_discharge else counter.discharge end, 2) as discharge_kwh,
    round(
        case when has_flows then pv_to_home + grid_to_home + battery_to_home else null end, 2
    ) as home_kwh,
    counter.home as home_counter_kwh,
    round(case when has_flows then pv_to_home else null end, 2) as pv_to_home_kwh,
    round(case when has_flows then pv_to_battery else null end, 2) as pv_to_battery_kwh,
    round(case when has_flows then pv_to_grid else null end, 2) as pv_to_grid_kwh,
    round(case when has_flows then grid_to_home else null end, 2) as grid_to_home_kwh,
    round(case when has_flows then grid_to_battery else null end, 2) as grid_to_battery_kwh,
    round(case when has_flows then battery_to_home else null end, 2) as battery_to_home_kwh,
    round(case when has_flows then battery_to_grid else null end, 2) as battery_to_grid_kwh,
    case
        when has_flows then 'energy_flows' when has_counters then 'inverter_data_points'
    end as source,
    half_hours,
    half_hours_expected,
    points,
    last_point_at,
    case
        when
            has_flows
            and is_whole
            and counter.solar + counter.import + counter.export + counter.charge + counter.discharge
            is not null
        then
            round(
                greatest(
                    abs(flow_solar - counter.solar),
                    abs(flow_import - counter.import),
                    abs(flow_export - counter.export),
                    abs(flow_charge - counter.charge),
                    abs(flow_discharge - counter.discharge)
                ),
                2
            )
        else null
    end as deviation_kwh,
    has_flows or (has_counters and is_whole) as is_complete,
    case
        when has_flows
        then coalesce(flows_state in ('complete', 'empty'), false)
        else
            coalesce(
                points_state in ('complete', 'empty')
                and coalesce(flows_state in ('complete', 'empty'), true),
                false
            )
    end as is_final
from judged
