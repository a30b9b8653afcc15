-- Grain: inverter, grouping and first requested day. The day up to which responses were final:
-- values can be revised until five days after their day.
SELECT
    device_id,
    (params ->> 'grouping')::INTEGER AS grouping_code,
    (params ->> 'start_time')::DATE AS first_date,
    max(
        least((params ->> 'end_time')::DATE, timezone('UTC', fetched_at)::DATE - 5)
    ) AS settled_date
FROM requests
WHERE dataset = $dataset AND outcome = 'ok' AND complete
GROUP BY ALL
ORDER BY first_date
