-- Grain: requested date. Number of rows.
SELECT request_date, count(*) AS row_count
FROM {table}
WHERE request_date BETWEEN $first AND $last
GROUP BY request_date
