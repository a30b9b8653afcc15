-- Grain: gap of more than 30 minutes, the newest first.
select inverter_serial, last_point_at, next_point_at, duration_s, cause, is_energy_known
from gaps
order by last_point_at desc, inverter_serial
