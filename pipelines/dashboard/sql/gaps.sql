-- Gaps between the data points of the shown period, newest first, 500 at most.
--
-- key: inverter_serial, last_point_at
-- reads: gaps, device_roles
-- parameters:
-- device: Site or inverter.
-- start: First day.
-- end: Last day.
-- columns:
-- inverter_serial: Serial number of the inverter.
-- last_point_at: Last point before the gap, UTC.
-- next_point_at: First point after it, UTC.
-- duration_s: Time between them.
-- cause: not_fetched, not_sent, device_off or unknown.
-- is_energy_known: Whether counters tell the energies of the gap.
-- solar_kwh: Solar energy during the gap; null if unknown.
-- import_kwh: Energy taken from the grid.
-- export_kwh: Energy given to the grid.
-- home_kwh: Energy used in the home by the inverter's counter.
select
    inverter_serial,
    gaps.last_point_at,
    gaps.next_point_at,
    gaps.duration_s,
    gaps.cause,
    gaps.is_energy_known,
    gaps.solar_kwh,
    gaps.grid_import_kwh as import_kwh,
    gaps.grid_export_kwh as export_kwh,
    gaps.consumption_kwh as home_kwh
from gaps
inner join device_roles as roles using (inverter_serial)
where
    roles.{{ device }} = $device
    and gaps.first_date <= $end::date
    and gaps.last_date >= $start::date
order by gaps.last_point_at desc, inverter_serial
limit 500
