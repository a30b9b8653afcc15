-- Grain: gap of more than 30 minutes, the newest first.
SELECT inverter_serial, last_point_at, next_point_at, duration_s, cause, is_energy_known
FROM gaps
ORDER BY last_point_at DESC, inverter_serial
