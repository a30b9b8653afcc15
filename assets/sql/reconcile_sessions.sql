-- Grain: ended charging session. Its energy against the charger's import register, whose growth is
-- between the difference of the first and last reading inside the session and that of the nearest
-- readings outside it. Only sessions with readings within 15 minutes of start and end.
with
    register as (
        select charger_uuid, time, value_normalised / 1000 as register_kwh
        from ev_meter_readings
        where meter_id = 0 and measurand = 4 and value_normalised is not null
    ),
    sessions as (
        select
            session.charger_uuid,
            session.started_at,
            session.energy_kwh,
            greatest(in_stop.register_kwh - in_start.register_kwh, 0) as lowest_kwh,
            out_stop.register_kwh - out_start.register_kwh as highest_kwh,
            greatest(
                session.started_at - out_start.time,
                in_start.time - session.started_at,
                session.stopped_at - in_stop.time,
                out_stop.time - session.stopped_at
            ) as farthest
        from ev_charging_sessions as session
        asof inner join
            register as out_start
            on session.charger_uuid = out_start.charger_uuid
            and session.started_at >= out_start.time
        asof inner join
            register as in_start
            on session.charger_uuid = in_start.charger_uuid
            and session.started_at <= in_start.time
        asof inner join
            register as in_stop
            on session.charger_uuid = in_stop.charger_uuid
            and session.stopped_at >= in_stop.time
        asof inner join
            register as out_stop
            on session.charger_uuid = out_stop.charger_uuid
            and session.stopped_at <= out_stop.time
    )
select
    charger_uuid as device_id,
    timezone('UTC', started_at)::date as day,
    'session' as item,
    1::bigint as compared,
    energy_kwh,
    energy_kwh - greatest(least(energy_kwh, highest_kwh), lowest_kwh) as deviation_kwh,
    started_at as deviation_at,
    lowest_kwh,
    highest_kwh,
    abs(deviation_kwh) <= 0.1 as is_within
from sessions
where farthest <= interval 15 minute and energy_kwh is not null
