-- Grain: inverter. Its latest version, and the commissioning of its communication device.
with
    newest as (
        from inverters
        qualify row_number() over (partition by inverter_serial order by valid_from desc) = 1
    ),
    dongles as (
        select communication_device_serial, min(commissioned_at) as dongle_commissioned_at
        from communication_devices
        group by communication_device_serial
    )
select
    inverter_serial, model, commissioned_at, dongle_commissioned_at, last_online_at, last_updated_at
from newest
left join dongles using (communication_device_serial)
order by inverter_serial
