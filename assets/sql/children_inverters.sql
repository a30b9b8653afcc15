-- Grain: inverter in the lists of child accounts. Its newest model and last contact, and its
-- earliest commissioning.
select
    inverter_serial,
    model,
    min(least(commissioned_at, inverter_commissioned_at)) over (
        partition by inverter_serial
    ) as commissioned_at,
    greatest(last_online_at, last_updated_at) as last_contact_at
from account_devices
where inverter_serial is not null
qualify row_number() over (partition by inverter_serial order by valid_from desc) = 1
order by inverter_serial
