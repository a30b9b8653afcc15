-- How often and for how long each fault of an inverter was present, by local month.
--
-- A fault over the end of a month counts in both, with its hours of each. One that is still open
-- counts until now.
--
-- key: inverter_serial, event, month
-- reads: inverter_events, device_zones
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- event varchar: Description of the fault by the API.
-- month date: First day of the month.
-- events bigint: Faults that were present in the month.
-- hours double: Hours of the month in which they were present; faults at the same time each count.
-- Null if no fault's times can be true.
-- open_events bigint: Those that are still open.
-- first_started_at timestamptz: When the first of them began, UTC.
-- last_ended_at timestamptz: When the last of them was cleared, UTC; null if one is open.
-- source varchar: inverter_events.
-- is_complete boolean: Whether the month is over.
-- is_final boolean: Whether the month is over and no fault of it is open.
with
    events as (
        select
            events.inverter_serial,
            events.event,
            events.started_at,
            events.ended_at,
            coalesce(zones.zone, 'UTC') as zone,
            timezone(coalesce(zones.zone, 'UTC'), events.started_at) as started_local,
            case
                when not events.has_ended
                then greatest(events.started_at, now())
                when events.duration_s is not null
                then events.ended_at
            end as until_at,
            not events.has_ended as is_open
        from inverter_events as events
        left join device_zones as zones on events.inverter_serial = zones.device_id
    ),
    months as (
        select
            *,
            unnest(
                generate_series(
                    date_trunc('month', started_local),
                    /* A fault that ends as a month begins is not in it. */
                    greatest(
                        started_local,
                        timezone(zone, coalesce(until_at, started_at)) - interval 1 microsecond
                    ),
                    interval 1 month
                )
            )::date as month
        from events
    )
select
    inverter_serial,
    event,
    month,
    count(*) as events,
    /* A difference of times has days of the session's time zone; least() ignores a null. */
    sum(
        epoch(least(until_at, timezone(zone, month + interval 1 month)))
        - epoch(greatest(started_at, timezone(zone, month::timestamp)))
    ) filter (where until_at is not null)
    / 3600 as hours,
    count(*) filter (where is_open) as open_events,
    min(started_at) as first_started_at,
    case when bool_or(is_open) then null else max(ended_at) end as last_ended_at,
    'inverter_events' as source,
    max(timezone(zone, month + interval 1 month)) <= now() as is_complete,
    is_complete and open_events = 0 as is_final
from months
group by inverter_serial, event, month
