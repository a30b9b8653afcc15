-- Grain: inverter, local day and flow. The half-hourly flows against those derived from data
-- points, over the half hours that have both and are final.
with
    half_hours as (
        select
            flows.inverter_serial,
            flows.local_date,
            unnest(
                [
                    {
                        item:'pv_to_home',
                        flow_kwh:flows.pv_to_home_kwh,
                        derived_kwh:derived.pv_to_home_kwh
                    },
                    {
                        item:'pv_to_battery',
                        flow_kwh:flows.pv_to_battery_kwh,
                        derived_kwh:derived.pv_to_battery_kwh
                    },
                    {
                        item:'pv_to_grid',
                        flow_kwh:flows.pv_to_grid_kwh,
                        derived_kwh:derived.pv_to_grid_kwh
                    },
                    {
                        item:'grid_to_home',
                        flow_kwh:flows.grid_to_home_kwh,
                        derived_kwh:derived.grid_to_home_kwh
                    },
                    {
                        item:'grid_to_battery',
                        flow_kwh:flows.grid_to_battery_kwh,
                        derived_kwh:derived.grid_to_battery_kwh
                    },
                    {
                        item:'battery_to_home',
                        flow_kwh:flows.battery_to_home_kwh,
                        derived_kwh:derived.battery_to_home_kwh
                    },
                    {
                        item:'battery_to_grid',
                        flow_kwh:flows.battery_to_grid_kwh,
                        derived_kwh:derived.battery_to_grid_kwh
                    }
                ],
                recursive := true
            )
        from energy_flows as flows
        inner join half_hourly_balance_from_points as derived using (inverter_serial, start_at)
        where flows.fetched_at >= flows.end_at + interval 3 days
    )
select
    inverter_serial as device_id,
    local_date as day,
    item,
    count(*) as compared,
    sum(flow_kwh) as flow_kwh,
    sum(derived_kwh) as derived_kwh,
    sum(derived_kwh) - sum(flow_kwh) as deviation_kwh,
    0.5 + 0.1 * sum(flow_kwh) as highest_kwh,
    abs(sum(derived_kwh) - sum(flow_kwh)) <= 0.5 + 0.1 * sum(flow_kwh) as is_within
from half_hours
where flow_kwh is not null
group by inverter_serial, local_date, item
