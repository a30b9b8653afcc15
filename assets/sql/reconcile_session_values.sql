-- Grain: ended charging session. Whether its meter and its times can be true; the energy that the
-- readings of the meter would give, which is no energy if they cannot.
select
    charger_uuid as device_id,
    timezone('UTC', started_at)::date as day,
    'session' as item,
    1::bigint as compared,
    energy_source,
    duration_s,
    case
        when energy_source = 'none'
        then coalesce(meter_stop_kwh - coalesce(meter_start_kwh, 0), 0)
        else 0
    end as deviation_kwh,
    started_at as deviation_at,
    energy_source <> 'none' and duration_s is not null as is_within
from ev_charging_sessions
where has_ended
