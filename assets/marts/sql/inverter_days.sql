-- Each day of each inverter that was requested or is expected, with its length and what is known
-- of its answers.
--
-- key: inverter_serial, local_date
-- reads: coverage, device_zones, local_days
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- local_date date: Local day.
-- zone varchar: IANA name of the time zone.
-- starts_at timestamptz: First instant of the day, UTC.
-- half_hours bigint: Number of half hours of the day: 48, or 46 or 50 where clocks change.
-- flows_state varchar: State of the day's energy flows in `coverage`; null if they are not
-- expected.
-- points_state varchar: State of the day's data points in `coverage`; null if they are not
-- expected.
with
    states as (
        select
            device_id as inverter_serial,
            request_date as local_date,
            any_value(state) filter (where dataset = 'energy_flows') as flows_state,
            any_value(state) filter (where dataset = 'inverter_data_points') as points_state
        from coverage
        where dataset in ('energy_flows', 'inverter_data_points')
        group by all
    ),
    zoned as (
        select states.*, coalesce(zones.zone, 'UTC') as zone
        from states
        left join device_zones as zones on states.inverter_serial = zones.device_id
    )
select
    zoned.inverter_serial,
    zoned.local_date,
    zoned.zone,
    days.starts_at,
    coalesce(days.half_hours, 48) as half_hours,
    zoned.flows_state,
    zoned.points_state
from zoned
left join local_days as days using (zone, local_date)
