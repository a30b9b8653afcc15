-- The energy of each charging session, and how it was found.
--
-- The energy is the difference of the session's meter readings or, where these cannot be true,
-- the growth of the charger's import register between the nearest readings before its start and
-- after its end, at most 15 minutes away.
--
-- key: charger_uuid, started_at
-- reads: ev_charging_sessions, ev_meter_readings
-- columns:
-- charger_uuid varchar: UUID of the charger.
-- started_at timestamptz: Start of the session, UTC.
-- local_date date: Local day of the start.
-- duration_s double: Duration, s; null: it is open, or its times cannot be true.
-- energy_kwh double: Energy, kWh; null where it is unknown.
-- energy_source varchar: difference: of the session's meter readings; register: growth of the
-- charger's register, where those cannot be true; none.
with
    register as (
        select charger_uuid, time, value_normalised / 1000 as register_kwh
        from ev_meter_readings
        where meter_id = 0 and measurand = 4 and value_normalised is not null
    ),
    growth as (
        select
            session.charger_uuid,
            session.started_at,
            after.register_kwh - before.register_kwh as growth_kwh
        from ev_charging_sessions as session
        asof inner join
            register as before
            on session.charger_uuid = before.charger_uuid
            and session.started_at >= before.time
        asof inner join
            register as after
            on session.charger_uuid = after.charger_uuid
            and session.stopped_at <= after.time
        where
            session.energy_source = 'none'
            and session.duration_s is not null
            and session.started_at - before.time <= interval 15 minute
            and after.time - session.stopped_at <= interval 15 minute
            and growth_kwh between 0 and least(300, 25 * (session.duration_s + 1800) / 3600)
    )
select
    session.charger_uuid,
    session.started_at,
    session.local_date,
    session.duration_s,
    coalesce(session.energy_kwh, growth.growth_kwh) as energy_kwh,
    case
        when session.energy_source = 'none' and growth.growth_kwh is not null
        then 'register'
        else session.energy_source
    end as energy_source
from ev_charging_sessions as session
left join growth using (charger_uuid, started_at)
