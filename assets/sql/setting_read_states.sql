-- Grain: inverter of which a setting was ever read. When the last value was read, and the last read
-- without one, or without any answer.
with
    reads as (
        select
            inverter_serial,
            setting_id,
            read_at,
            has_value,
            not has_value and coalesce(state_code <> -4, not success, false) as has_failed,
            coalesce(state_code_name || ' (' || state_code || ')', message, 'no value') as failure
        from inverter_setting_reads
        union all
        select
            device_id,
            null,
            fetched_at,
            false,
            true,
            message || case
                when status is null or contains(message, status::text)
                then ''
                else ' (' || status || ')'
            end
        from requests
        where
            dataset = 'inverter_setting_values'
            and outcome = 'error'
            and source = 'api'
            and (status is null or status >= 500 or status = 408)
            and error_kind not in ('unreachable', 'tls')
    )
select
    inverter_serial,
    max(read_at) filter (where has_value) as value_at,
    count(distinct setting_id) filter (where has_value) as settings,
    max(read_at) filter (where has_failed) as failed_at,
    arg_max(failure, read_at) filter (where has_failed) as failure
from reads
group by inverter_serial
order by inverter_serial
