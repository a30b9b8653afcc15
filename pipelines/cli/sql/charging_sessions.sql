-- The newest charging sessions; a session without an end is in progress.
select
    started_local as started,
    round(duration_s / 3600, 1) as hours,
    round(energy_kwh, 1) as energy_kwh,
    stop_reason_description
from ev_charging_sessions
order by started desc
limit 5
