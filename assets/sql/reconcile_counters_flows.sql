-- Grain: inverter, local day and energy. The sum of the half-hourly flows against the last reading
-- of the daily counter, for days with all half hours, all final, and a point in the last ten
-- minutes. Flows to the home include the losses of the inverter; the consumption counter does not.
with
    counters as (
        select
            inverter_serial,
            local_date,
            arg_max(today_solar_kwh, time) as solar,
            arg_max(today_grid_import_kwh, time) as grid_import,
            arg_max(today_grid_export_kwh, time) as grid_export,
            arg_max(today_battery_charge_kwh, time) as battery_charge,
            arg_max(today_battery_discharge_kwh, time) as battery_discharge,
            arg_max(today_consumption_kwh, time) as consumption
        from inverter_data_points
        group by inverter_serial, local_date
        having max(local_time) >= local_date + interval 1430 minute
    ),
    flows as (
        select
            inverter_serial,
            local_date,
            count(*) as half_hours,
            sum(pv_to_home_kwh) as pv_to_home_kwh,
            sum(pv_to_battery_kwh) as pv_to_battery_kwh,
            sum(pv_to_grid_kwh) as pv_to_grid_kwh,
            sum(grid_to_home_kwh) as grid_to_home_kwh,
            sum(grid_to_battery_kwh) as grid_to_battery_kwh,
            sum(battery_to_home_kwh) as battery_to_home_kwh,
            sum(battery_to_grid_kwh) as battery_to_grid_kwh
        from energy_flows
        group by inverter_serial, local_date
        having
            min(start_local) = local_date
            and max(end_local) = local_date + interval 1 day
            and sum(epoch(end_at - start_at)) = max(epoch(end_at)) - min(epoch(start_at))
            and bool_and(fetched_at >= end_at + interval 72 hours)
    ),
    days as (
        select
            inverter_serial,
            local_date,
            half_hours,
            0.5 + 0.05 * greatest(solar, battery_discharge) as tolerance_kwh,
            1 + 0.1 * (solar + battery_discharge) as losses_kwh,
            unnest(
                [
                    {
                        item:'solar',
                        counter_kwh:solar,
                        flow_kwh:pv_to_home_kwh + pv_to_battery_kwh + pv_to_grid_kwh
                    },
                    {
                        item:'grid_import',
                        counter_kwh:grid_import,
                        flow_kwh:grid_to_home_kwh + grid_to_battery_kwh
                    },
                    {
                        item:'grid_export',
                        counter_kwh:grid_export,
                        flow_kwh:pv_to_grid_kwh + battery_to_grid_kwh
                    },
                    {
                        item:'battery_charge',
                        counter_kwh:battery_charge,
                        flow_kwh:pv_to_battery_kwh + grid_to_battery_kwh
                    },
                    {
                        item:'battery_discharge',
                        counter_kwh:battery_discharge,
                        flow_kwh:battery_to_home_kwh + battery_to_grid_kwh
                    },
                    {
                        item:'consumption',
                        counter_kwh:consumption,
                        flow_kwh:pv_to_home_kwh + grid_to_home_kwh + battery_to_home_kwh
                    }
                ],
                recursive := true
            )
        from counters
        inner join flows using (inverter_serial, local_date)
    )
select
    inverter_serial as device_id,
    local_date as day,
    item,
    half_hours as compared,
    counter_kwh,
    flow_kwh,
    flow_kwh - counter_kwh as deviation_kwh,
    - tolerance_kwh as lowest_kwh,
    tolerance_kwh + case when item = 'consumption' then losses_kwh else 0 end as highest_kwh,
    deviation_kwh between lowest_kwh and highest_kwh as is_within
from days
where deviation_kwh is not null
