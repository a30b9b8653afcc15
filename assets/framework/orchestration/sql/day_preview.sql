-- Grain: row. A few measurements of the first three rows of each requested date.
SELECT request_date, {device}, {time}, {figures}
FROM {table}
WHERE request_date BETWEEN $first AND $last
QUALIFY row_number() OVER (PARTITION BY request_date ORDER BY {time}, {device}) <= 3
