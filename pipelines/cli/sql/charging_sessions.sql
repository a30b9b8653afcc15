-- The newest charging sessions; one without an end is going on.
SELECT
    started_local AS started,
    round(duration_s / 3600, 1) AS hours,
    round(energy_kwh, 1) AS energy_kwh,
    stop_reason_description
FROM ev_charging_sessions
ORDER BY started DESC
LIMIT 5
