-- Grain: requested date. Rows, devices, and gaps between two rows of a device.
WITH rows_of_days AS (
    SELECT
        request_date,
        {device} AS device,
        {time} - lag({time}) OVER (PARTITION BY {device}, request_date ORDER BY {time}) AS silence
    FROM {table}
    WHERE request_date BETWEEN $first AND $last
)
SELECT
    request_date,
    count(*) AS row_count,
    count(DISTINCT device) AS device_count,
    count(*) FILTER (WHERE silence > INTERVAL 15 MINUTE) AS gap_count,
    max(epoch(silence)) / 60 AS longest_gap_minutes
FROM rows_of_days
GROUP BY request_date
