with
    half_hours as (
        select
            local_date,
            time_bucket(interval 30 minute, local_time)::time as half_hour,
            avg(consumption_power_w) as home_w,
            avg(solar_power_w) as solar_w,
            avg(battery_percent) as battery_percent
        from inverter_data_points
        where inverter_serial = 'XA0000G000' and month(local_date) = 4
        group by local_date, half_hour
    )
select
    half_hour,
    round(avg(home_w)) as home_w,
    round(avg(solar_w)) as solar_w,
    round(avg(battery_percent)) as battery_percent,
    count(*) as days
from half_hours
where extract(hour from half_hour) % 6 = 0 and extract(minute from half_hour) = 0
group by half_hour
order by half_hour
