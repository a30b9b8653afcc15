-- Grain: open item. Its device and its start.
select {device} as device_id, {start} as began_at from {table} where not has_ended order by all
