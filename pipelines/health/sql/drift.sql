-- Grain: finding. What the answers of a dataset (of all, if none is named) hold that the API's
-- document does not know.
SELECT dataset, kind, field, value AS example, "count", first_seen_at
FROM drift
WHERE $dataset IS NULL OR dataset = $dataset
ORDER BY first_seen_at, dataset, kind, field, value
