-- The newest charging sessions; one without an end is going on.
SELECT
    started_at,
    stopped_at,
    round(energy_kwh, 1) AS energy_kwh,
    stop_reason_description
FROM ev_charging_sessions
ORDER BY started_at DESC
LIMIT 5
