-- Grain: charger. Its oldest known data, and its last contact if it is offline.
WITH newest AS (
    SELECT charger_uuid, valid_to, CASE WHEN NOT online THEN went_offline_at END AS offline_since
    FROM ev_chargers
    QUALIFY row_number() OVER (PARTITION BY charger_uuid ORDER BY valid_from DESC) = 1
),
-- The first day with readings comes from the index of requests, which is far smaller.
known AS (
    SELECT charger_uuid, valid_from AS known_at FROM ev_chargers
    UNION ALL
    SELECT charger_uuid, started_at FROM ev_charging_sessions
    UNION ALL
    SELECT device_id, timezone('UTC', request_date::TIMESTAMP)
    FROM requests
    WHERE dataset = 'ev_meter_readings' AND outcome = 'ok' AND list_sum(day_rows) > 0
)
SELECT
    charger_uuid,
    min(known_at) AS oldest_at,
    any_value(coalesce(offline_since, valid_to)) AS last_contact_at
FROM newest
INNER JOIN known USING (charger_uuid)
-- A clock that was never set says 1970.
WHERE known_at >= TIMESTAMPTZ '2015-01-01 00:00:00+00'
GROUP BY charger_uuid
ORDER BY charger_uuid
