-- Grain: inverter of which a setting was ever read. When the last value was read, and the last read
-- without one.
select
    inverter_serial,
    max(read_at) filter (where has_value) as value_at,
    count(distinct setting_id) filter (where has_value) as settings,
    max(read_at) filter (where state_code < 0 and state_code <> -4) as failed_at,
    arg_max(state_code_name || ' (' || state_code || ')', read_at) filter (
        where state_code < 0 and state_code <> -4
    ) as failure
from inverter_setting_reads
group by inverter_serial
order by inverter_serial
