-- Other names of devices: serial numbers and aliases of EV chargers, aliases of smart devices.
select charger_uuid as device_id, serial_number as name
from ev_chargers_now
where serial_number is not null
union all
select charger_uuid as device_id, alias as name
from ev_chargers_now
where alias is not null
union all
select device_uuid as device_id, alias as name
from smart_devices_now
where alias is not null
