with
    flows as (
        select
            local_date,
            sum(battery_to_home_kwh + battery_to_grid_kwh) as flow_kwh,
            count(*) as half_hours
        from energy_flows
        where inverter_serial = 'XA0000G000' and local_date between '2025-01-01' and '2025-04-30'
        group by local_date
    ),
    counters as (
        select local_date, arg_max(today_battery_discharge_kwh, time) as counter_kwh
        from inverter_data_points
        where inverter_serial = 'XA0000G000' and extract(hour from local_time) > 0
        group by local_date
    ),
    days as (
        select
            local_date,
            if(
                half_hours = epoch(
                    timezone('Europe/London', local_date::timestamp + interval 1 day)
                    - timezone('Europe/London', local_date::timestamp)
                )
                / 1800,
                flow_kwh,
                counter_kwh
            ) / (
                select
                    battery_nominal_capacity_ah
                    * battery_nominal_voltage_v
                    * battery_depth_of_discharge
                    / 1000
                from inverters
                where inverter_serial = 'XA0000G000' and valid_to is null
            ) as cycles
        from flows
        left join counters using (local_date)
    )
select
    date_trunc('month', local_date)::date as month,
    round(sum(cycles), 1) as cycles,
    count(cycles) as days
from days
group by month
order by month
