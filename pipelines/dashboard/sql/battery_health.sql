-- What each battery can still hold, by month, from the first one to the end of the shown period.
--
-- Of very many inverters there are the first 20.
--
-- key: inverter_serial, month
-- reads: battery_health, device_roles
-- parameters:
-- device: Site or inverter.
-- end: Last day.
-- columns:
-- inverter_serial: Serial number of the inverter.
-- month: First day of the month.
-- usable_kwh: Median capacity from full to empty, of the month's discharges; null below 5 of them.
-- usable_low_kwh: Its lower quartile.
-- usable_high_kwh: Its upper quartile.
-- runs: Discharges that it is found from.
-- bms_kwh: Full capacity by the battery's management system.
-- round_trip: Energy taken from the battery over energy put into it; null below 28 whole days or 5
-- discharges.
-- days: Whole days of the month.
-- is_complete: Whether all days of the month are whole.
-- inverters: Number of inverters with rows; those of the first 20 are there.
with
    placed as (
        select
            inverter_serial,
            health.month,
            health.usable_kwh,
            health.usable_low_kwh,
            health.usable_high_kwh,
            health.runs,
            health.bms_kwh,
            health.round_trip,
            health.days,
            health.is_complete,
            dense_rank() over (order by inverter_serial) as place
        from battery_health as health
        inner join device_roles as roles using (inverter_serial)
        where
            roles.{{ device }} = $device
            and health.month <= $end::date
            and (health.runs > 0 or health.bms_kwh is not null)
    )
select * exclude (place), max(place) over () as inverters
from placed
qualify place <= 20
order by inverter_serial, month
