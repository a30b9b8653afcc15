-- Grain: inverter. Its latest version, and the commissioning of its communication device.
WITH newest AS (
    FROM inverters
    QUALIFY row_number() OVER (PARTITION BY inverter_serial ORDER BY valid_from DESC) = 1
),
dongles AS (
    SELECT communication_device_serial, min(commission_date) AS dongle_commission_date
    FROM communication_devices
    GROUP BY communication_device_serial
)
SELECT inverter_serial, model, commission_date, dongle_commission_date, last_online, last_updated
FROM newest
LEFT JOIN dongles USING (communication_device_serial)
ORDER BY inverter_serial
