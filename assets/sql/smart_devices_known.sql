-- Grain: currently listed smart device.
select device_uuid, alias from smart_devices_now order by device_uuid
