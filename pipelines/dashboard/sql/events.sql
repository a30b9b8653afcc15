-- Faults of the inverters that were present in the shown period, newest first, 500 at most.
--
-- key: inverter_serial, event, started_at
-- reads: inverter_events, device_roles
-- parameters:
-- device: Site or inverter.
-- start_at: First instant of the first day.
-- end_at: First instant after the last day.
-- columns:
-- inverter_serial: Serial number of the inverter.
-- event: Description of the fault by the API.
-- started_at: When it began, UTC.
-- ended_at: When it was cleared, UTC; null while it is open.
-- duration_s: Duration; null while it is open.
-- is_open: Whether it is open.
select
    inverter_serial,
    events.event,
    events.started_at,
    events.ended_at,
    events.duration_s,
    not events.has_ended as is_open
from inverter_events as events
inner join device_roles as roles using (inverter_serial)
where
    roles.{{ device }} = $device
    and events.started_at < $end_at::timestamptz
    and coalesce(events.ended_at > $start_at::timestamptz, true)
order by events.started_at desc, inverter_serial, events.event
limit 500
