-- Grain: device, filter and start of the requested time, of recent complete responses and the newest
-- one per device and filter. When it was last fetched.
SELECT
    device_id,
    CASE WHEN $filter = '' THEN '' ELSE params ->> $filter END AS filter_value,
    params ->> $start AS start,
    max(fetched_at) AS answered_at
FROM requests
WHERE dataset = $dataset AND outcome = 'ok' AND complete AND page = 1
GROUP BY 1, 2, 3
QUALIFY answered_at > $since
    OR row_number() OVER (PARTITION BY device_id, filter_value ORDER BY answered_at DESC) = 1
