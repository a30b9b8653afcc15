-- The number of rows of a device.
select count(*) from {table} where {device} = $device
