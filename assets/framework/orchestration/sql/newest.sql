-- Some rows of a table from its newest response.
SELECT {columns}
FROM {table}
WHERE response_id = (SELECT max(response_id) FROM {table})
ORDER BY {key}
LIMIT 3
