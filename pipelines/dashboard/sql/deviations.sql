-- Figures of the shown period that can be had in two ways and differ by more than can be explained,
-- newest first, 500 at most.
--
-- key: check_name, device_id, local_date, item
-- reads: findings, device_roles, ev_chargers
-- parameters:
-- device: Site or inverter.
-- kind: site or inverter.
-- start: First day.
-- end: Last day.
-- columns:
-- check_name: The comparison: a view of the catalogue.
-- device_id: Serial number of the inverter, or UUID of the charger.
-- local_date: Local day.
-- item: What differs.
-- deviation: By how much, in the unit of the comparison.
-- found_at: When it was found first, UTC.
with
    devices as (
        select inverter_serial as device_id
        from device_roles
        where {{ device }} = $device
        union
        select charger_uuid as device_id
        from ev_chargers
        where $kind = 'site'
    )
select
    findings."check" as check_name,
    device_id,
    findings.day as local_date,
    findings.item,
    findings.deviation,
    findings.found_at
from findings
semi join devices using (device_id)
where findings."check" <> 'gaps' and findings.day between $start::date and $end::date
order by local_date desc, check_name, device_id, findings.item
limit 500
