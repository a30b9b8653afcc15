-- Grain: dataset, table, reason, check and column. Rows in quarantine, with one of them: the oldest
-- that was kept whole.
SELECT
    dataset,
    "table",
    reason,
    "check",
    "column",
    count(*) AS rows,
    sum(times_seen)::BIGINT AS times_seen,
    count(DISTINCT device_id) AS devices,
    min(first_seen_at) AS first_seen_at,
    max(last_seen_at) AS last_seen_at,
    first(
        {
            device_id: device_id,
            request_date: request_date,
            response_id: response_id,
            row_index: row_index,
            value: value,
            raw: raw
        }
        ORDER BY raw IS NULL, response_id, row_index
    ) AS example
FROM quarantine
WHERE $dataset IS NULL OR dataset = $dataset
GROUP BY ALL
ORDER BY rows DESC, dataset, "table", reason, "check", "column"
