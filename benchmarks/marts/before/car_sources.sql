-- Sessions whose own meter readings cannot be true are left out.
with
    session as (
        select *
        from ev_charging_sessions
        where local_date between '2025-04-01' and '2025-04-30' and energy_kwh is not null
    ),
    readings as (
        select session.started_at, readings.time, readings.value_normalised / 1000 as kwh
        from session
        inner join
            ev_meter_readings as readings
            on readings.charger_uuid = session.charger_uuid
            and readings.meter_id = 0
            and readings.measurand = 4
            and readings.time > session.started_at
            and readings.time < session.stopped_at
        union all
        select started_at, started_at, meter_start_kwh
        from session
        union all
        select started_at, stopped_at, meter_stop_kwh
        from session
    ),
    steps as (
        select
            started_at, time, lead(time) over later as next_time, lead(kwh) over later - kwh as kwh
        from readings
        window later as (partition by started_at order by time)
    ),
    parts as (
        select
            *,
            unnest(
                generate_series(
                    time_bucket(interval 30 minute, time),
                    next_time - interval 1 microsecond,
                    interval 30 minute
                )
            ) as start_at
        from steps
        where kwh > 0
    ),
    half_hours as (
        select
            started_at,
            start_at,
            sum(
                kwh
                * epoch(least(next_time, start_at + interval 30 minute) - greatest(time, start_at))
                / epoch(next_time - time)
            ) as energy
        from parts
        group by started_at, start_at
    )
select
    date_trunc('month', session.local_date)::date as month,
    round(sum(energy), 1) as energy_kwh,
    round(sum(energy * pv_to_home_kwh / home), 1) as solar_kwh,
    round(sum(energy * battery_to_home_kwh / home), 1) as battery_kwh,
    round(sum(energy * grid_to_home_kwh / home), 1) as grid_kwh,
    count(distinct session.started_at) as sessions
from half_hours
inner join session using (started_at)
inner join
    (
        select *, pv_to_home_kwh + grid_to_home_kwh + battery_to_home_kwh as home
        from energy_flows
        where inverter_serial = 'XA0000G001'
    ) as flows using (start_at)
group by month
