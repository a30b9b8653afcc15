-- Grain: meter of an inverter, of those that are listed now and that the endpoint can be asked about.
SELECT DISTINCT inverter_serial, address
FROM inverter_meters_now
WHERE address BETWEEN 1 AND 8
ORDER BY inverter_serial, address
