-- Grain: currently listed smart device.
SELECT device_uuid FROM smart_devices_now ORDER BY device_uuid
