-- Grain: smart device of those that are listed now.
SELECT device_uuid FROM smart_devices_now ORDER BY device_uuid
