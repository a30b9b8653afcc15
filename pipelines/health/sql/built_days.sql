-- Grain: one row. The first and last day of some responses; null if they have none.
SELECT min(request_date) AS first, max(coalesce(request_end_date, request_date)) AS last
FROM requests
WHERE dataset = $dataset AND list_contains($response_ids, response_id)
