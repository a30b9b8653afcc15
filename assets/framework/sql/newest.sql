-- The rows of a table that were fetched last, a few of them.
SELECT {columns}
FROM {table}
ORDER BY fetched_at DESC, {key}
LIMIT 3
