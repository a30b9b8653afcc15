-- Grain: inverter that only the lists of child accounts show. Its newest version.
FROM account_devices
ANTI JOIN inverters USING (inverter_serial)
SELECT
    inverter_serial, model, commissioned_at, inverter_commissioned_at,
    last_online_at, last_updated_at
WHERE inverter_serial IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY inverter_serial ORDER BY valid_from DESC) = 1
ORDER BY inverter_serial
