-- Grain: inverter. Its newest model and last contact, and the earliest commissioning of all its
-- versions and of all communication devices that it has had.
with
    newest as (
        select
            inverter_serial,
            model,
            greatest(last_online_at, last_updated_at) as last_contact_at,
            min(commissioned_at) over (partition by inverter_serial) as earliest_at
        from inverters
        qualify row_number() over (partition by inverter_serial order by valid_from desc) = 1
    ),
    dongles as (
        select inverter_serial, min(commissioned_at) as earliest_dongle_at
        from communication_devices
        group by inverter_serial
    )
select
    inverter_serial,
    model,
    least(earliest_at, earliest_dongle_at) as commissioned_at,
    last_contact_at
from newest
left join dongles using (inverter_serial)
order by inverter_serial
