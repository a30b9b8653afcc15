-- Grain: charger. Its oldest known data, and its last contact if it is offline.
with
    newest as (
        select
            charger_uuid,
            serial_number,
            alias,
            valid_to,
            case when not online then went_offline_at end as offline_since
        from ev_chargers
        qualify row_number() over (partition by charger_uuid order by valid_from desc) = 1
    ),
    -- The first day with readings comes from the index of requests, which is far smaller.
    known as (
        select charger_uuid, valid_from as known_at
        from ev_chargers
        union all
        select charger_uuid, started_at
        from ev_charging_sessions
        union all
        select device_id, timezone('UTC', request_date::timestamp)
        from requests
        where dataset = 'ev_meter_readings' and outcome = 'ok' and list_sum(day_rows) > 0
    )
select
    charger_uuid,
    min(known_at) as oldest_at,
    any_value(coalesce(offline_since, valid_to)) as last_contact_at,
    any_value(serial_number) as serial_number,
    any_value(alias) as alias
from newest
inner join known using (charger_uuid)
-- A clock that was never set says 1970.
where known_at >= timestamptz '2015-01-01 00:00:00+00'
group by charger_uuid
order by charger_uuid
