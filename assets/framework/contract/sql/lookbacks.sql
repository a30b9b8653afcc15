-- Grain: device, filter and first moment asked for, in whole answers of the last days; and the
-- newest answer of each device and filter, however old. When it was last fetched.
SELECT
    device_id,
    CASE WHEN $apart = '' THEN '' ELSE params ->> $apart END AS apart,
    params ->> $start AS asked_from,
    max(fetched_at) AS answered_at
FROM requests
WHERE dataset = $dataset AND outcome = 'ok' AND complete AND page = 1
GROUP BY 1, 2, 3
QUALIFY answered_at > $since
    OR row_number() OVER (PARTITION BY device_id, apart ORDER BY answered_at DESC) = 1
