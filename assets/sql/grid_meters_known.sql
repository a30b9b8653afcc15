-- Grain: meter of an inverter that is listed now and that the endpoint accepts.
SELECT DISTINCT inverter_serial, address
FROM inverter_meters_now
WHERE address BETWEEN 1 AND 8
ORDER BY inverter_serial, address
