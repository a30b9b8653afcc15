-- Grain: currently listed meter of an inverter whose address the endpoint accepts.
select distinct inverter_serial, address
from inverter_meters_now
where address between 1 and 8
order by inverter_serial, address
