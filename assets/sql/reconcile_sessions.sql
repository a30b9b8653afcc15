-- Grain: ended charging session. Its energy against the charger's import register, whose growth is
-- between the difference of the first and last reading inside the session and that of the nearest
-- readings outside it. Only sessions with readings within 15 minutes of start and end.
WITH register AS (
    SELECT charger_uuid, time, value_normalised / 1000 AS register_kwh
    FROM ev_meter_readings
    WHERE meter_id = 0 AND measurand = 4 AND value_normalised IS NOT NULL
),
sessions AS (
    SELECT
        session.charger_uuid,
        session.started_at,
        session.energy_kwh,
        greatest(in_stop.register_kwh - in_start.register_kwh, 0) AS lowest_kwh,
        out_stop.register_kwh - out_start.register_kwh AS highest_kwh,
        greatest(
            session.started_at - out_start.time,
            in_start.time - session.started_at,
            session.stopped_at - in_stop.time,
            out_stop.time - session.stopped_at
        ) AS farthest
    FROM ev_charging_sessions AS session
    ASOF INNER JOIN register AS out_start
        ON session.charger_uuid = out_start.charger_uuid AND session.started_at >= out_start.time
    ASOF INNER JOIN register AS in_start
        ON session.charger_uuid = in_start.charger_uuid AND session.started_at <= in_start.time
    ASOF INNER JOIN register AS in_stop
        ON session.charger_uuid = in_stop.charger_uuid AND session.stopped_at >= in_stop.time
    ASOF INNER JOIN register AS out_stop
        ON session.charger_uuid = out_stop.charger_uuid AND session.stopped_at <= out_stop.time
)
SELECT
    charger_uuid AS device_id,
    timezone('UTC', started_at)::DATE AS day,
    'session' AS item,
    1 AS compared,
    started_at AS deviation_at,
    energy_kwh,
    lowest_kwh,
    highest_kwh,
    energy_kwh - greatest(least(energy_kwh, highest_kwh), lowest_kwh) AS deviation_kwh,
    abs(deviation_kwh) <= 0.1 AS is_within
FROM sessions
WHERE farthest <= INTERVAL 15 MINUTE AND energy_kwh IS NOT NULL
