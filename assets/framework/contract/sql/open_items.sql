-- Grain: open item. Its device and its start.
SELECT {device} AS device_id, {start} AS began_at
FROM {table}
WHERE NOT has_ended
ORDER BY ALL
