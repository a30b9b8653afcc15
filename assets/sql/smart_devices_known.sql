-- Grain: currently listed smart device.
select device_uuid from smart_devices_now order by device_uuid
