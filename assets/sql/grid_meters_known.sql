-- Grain: currently listed meter of an inverter whose address the endpoint accepts.
SELECT DISTINCT inverter_serial, address
FROM inverter_meters_now
WHERE address BETWEEN 1 AND 8
ORDER BY inverter_serial, address
