-- Grain: inverter. Its newest version, with when its communication device was commissioned.
WITH newest AS (
    FROM inverters
    QUALIFY row_number() OVER (PARTITION BY inverter_serial ORDER BY valid_from DESC) = 1
),
dongles AS (
    SELECT communication_device_serial, min(commissioned_at) AS dongle_commissioned_at
    FROM communication_devices
    GROUP BY communication_device_serial
)
SELECT
    inverter_serial, model, commissioned_at, dongle_commissioned_at, last_online_at, last_updated_at
FROM newest
LEFT JOIN dongles USING (communication_device_serial)
ORDER BY inverter_serial
