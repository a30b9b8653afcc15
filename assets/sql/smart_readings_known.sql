-- Grain: smart device. Time of its newest reading.
SELECT device_uuid, max(time) AS newest FROM smart_device_readings GROUP BY device_uuid
