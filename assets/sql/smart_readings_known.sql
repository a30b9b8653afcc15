-- Grain: smart device. When its newest known reading was taken.
SELECT device_uuid, max(time) AS newest FROM smart_device_readings GROUP BY device_uuid
