select inverter_serial, event, started_at, ended_at
from inverter_events
where started_at < '2025-05-01'
order by started_at desc
limit 4
