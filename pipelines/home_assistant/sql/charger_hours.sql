-- The energy of EV chargers by hour, of hours in which a session that has ended charged.
select
    session.charger_uuid as device,
    date_trunc('hour', session.start_at) as hour_at,
    min(timezone(coalesce(zones.zone, 'UTC'), session.start_at)::date) as local_date,
    sum(session.energy_kwh) as ev
from ev_session_half_hours as session
left join device_zones as zones on session.charger_uuid = zones.device_id
where
    list_contains($devices::varchar[], session.charger_uuid)
    and timezone(coalesce(zones.zone, 'UTC'), session.start_at)::date between $first and $last
    and date_trunc('hour', session.start_at) + interval 1 hour <= $until
group by device, hour_at
order by device, hour_at
