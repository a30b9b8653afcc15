-- Grain: thing that has begun and of which no end is known. Whose it is and when it began.
SELECT {device} AS device_id, {start} AS began_at
FROM {table}
WHERE NOT has_ended
ORDER BY ALL
