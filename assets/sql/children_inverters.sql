-- Grain: inverter that only the lists of child accounts show. Its latest version.
from account_devices
anti join inverters using (inverter_serial)
select
    inverter_serial,
    model,
    commissioned_at,
    inverter_commissioned_at,
    last_online_at,
    last_updated_at
where inverter_serial is not null
qualify row_number() over (partition by inverter_serial order by valid_from desc) = 1
order by inverter_serial
