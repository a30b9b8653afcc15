-- The register between the session's start and end, by half hour, scaled to the session's
-- energy; the grid's share of the home in each half hour; its price.
with
    session as (
        select *
        from ev_charging_sessions
        where local_date = '2025-04-29' and energy_kwh is not null
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
    )
select
    session.started_local,
    round(any_value(session.energy_kwh), 2) as energy_kwh,
    any_value(in_force.tariff) as tariffs,
    round(
        sum(
            parts.kwh * epoch(
                least(next_time, parts.start_at + interval 30 minute)
                - greatest(time, parts.start_at)
            )
            / epoch(next_time - time)
            * grid_to_home_kwh
            / (pv_to_home_kwh + grid_to_home_kwh + battery_to_home_kwh)
            * import_pence
        )
        / 100,
        2
    ) as cost
from parts
inner join session using (started_at)
inner join
    energy_flows as flows
    on flows.inverter_serial = 'XA0000G001'
    and flows.start_at = parts.start_at
inner join
    tariffs_in_force as in_force
    on flows.local_date >= in_force.from_date
    and flows.local_date < coalesce(in_force.to_date, '9999-12-31')
inner join
    tariff_prices as prices on prices.tariff = in_force.tariff and prices.start_at = parts.start_at
group by session.started_local
order by session.started_local
