-- The time zone of each inverter and EV charger, in which its days are counted.
--
-- key: device_id
-- reads: expected_days
-- columns:
-- device_id varchar: Serial number of the inverter, or UUID of the charger.
-- zone varchar: IANA name of the time zone.
select device_id, coalesce(max(zone), 'UTC') as zone from expected_days group by device_id
