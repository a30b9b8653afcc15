-- Every name of a device: its ID, the serial number of an EV charger, and aliases.
select inverter_serial as device_id, inverter_serial as name
from inverters
union
select inverter_serial as device_id, inverter_serial as name
from account_devices
where inverter_serial is not null
union
select charger_uuid as device_id, unnest([charger_uuid, serial_number, alias]) as name
from ev_chargers
union
select device_uuid as device_id, unnest([device_uuid, alias]) as name
from smart_devices
union
select device_id, device_id as name
from coverage
