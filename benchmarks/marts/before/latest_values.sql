with
    powers as (
        select
            inverter_serial,
            time,
            solar_power_w,
            grid_power_w,
            battery_power_w,
            battery_percent,
            'inverter_data_points' as source
        from inverter_data_points
        union all
        select
            inverter_serial,
            time,
            solar_power_w,
            grid_power_w,
            battery_power_w,
            battery_percent,
            'inverter_system_readings'
        from inverter_system_readings
    ),
    energies as (
        select inverter_serial, time, today_solar_kwh
        from inverter_data_points
        union all
        select inverter_serial, time, today_solar_kwh
        from inverter_meter_readings
    ),
    newest_powers as (
        select *
        from powers
        qualify row_number() over (partition by inverter_serial order by time desc) = 1
    )
select
    newest.inverter_serial,
    newest.time,
    solar_power_w,
    grid_power_w,
    battery_power_w,
    battery_percent,
    arg_max(today_solar_kwh, energies.time) as today_solar_kwh,
    source
from newest_powers as newest
inner join energies using (inverter_serial)
group by all
order by newest.inverter_serial
