-- Some rows of a table out of the response that was the last to bring it any.
SELECT {columns}
FROM {table}
WHERE response_id = (SELECT max(response_id) FROM {table})
ORDER BY {key}
LIMIT 3
