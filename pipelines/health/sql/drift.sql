-- Grain: finding. Undocumented values in the responses of a dataset, or of all datasets.
SELECT dataset, kind, field, value AS example, "count", first_seen_at
FROM drift
WHERE $dataset IS NULL OR dataset = $dataset
ORDER BY first_seen_at, dataset, kind, field, value
