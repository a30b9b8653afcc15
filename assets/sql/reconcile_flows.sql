-- Grain: inverter, local day and flow. The sum of the half hours against the API's daily value,
-- for days with all half hours, all final.
with
    half_hourly as (
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
    daily as (
        select *, start_local::date as local_date
        from energy_flow_aggregates
        where grouping = 1 and fetched_at >= end_at + interval 72 hours
    ),
    days as (
        select
            inverter_serial,
            local_date,
            half_hours,
            unnest(
                [
                    {
                        item:'pv_to_home',
                        half_hourly_kwh:half_hourly.pv_to_home_kwh,
                        daily_kwh:daily.pv_to_home_kwh
                    },
                    {
                        item:'pv_to_battery',
                        half_hourly_kwh:half_hourly.pv_to_battery_kwh,
                        daily_kwh:daily.pv_to_battery_kwh
                    },
                    {
                        item:'pv_to_grid',
                        half_hourly_kwh:half_hourly.pv_to_grid_kwh,
                        daily_kwh:daily.pv_to_grid_kwh
                    },
                    {
                        item:'grid_to_home',
                        half_hourly_kwh:half_hourly.grid_to_home_kwh,
                        daily_kwh:daily.grid_to_home_kwh
                    },
                    {
                        item:'grid_to_battery',
                        half_hourly_kwh:half_hourly.grid_to_battery_kwh,
                        daily_kwh:daily.grid_to_battery_kwh
                    },
                    {
                        item:'battery_to_home',
                        half_hourly_kwh:half_hourly.battery_to_home_kwh,
                        daily_kwh:daily.battery_to_home_kwh
                    },
                    {
                        item:'battery_to_grid',
                        half_hourly_kwh:half_hourly.battery_to_grid_kwh,
                        daily_kwh:daily.battery_to_grid_kwh
                    }
                ],
                recursive := true
            )
        from half_hourly
        inner join daily using (inverter_serial, local_date)
    )
select
    inverter_serial as device_id,
    local_date as day,
    item,
    half_hours as compared,
    daily_kwh,
    half_hourly_kwh,
    half_hourly_kwh - daily_kwh as deviation_kwh,
    0.1 + 0.01 * abs(daily_kwh) as highest_kwh,
    abs(deviation_kwh) <= highest_kwh as is_within
from days
where deviation_kwh is not null
