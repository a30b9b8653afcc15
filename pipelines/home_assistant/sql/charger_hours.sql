-- The energy of EV chargers by hour, of hours in which a session that has ended charged.
--
-- fitting_kwh is what of known_kwh, where the home's energy is known, fits into it.
with
    half_hours as (
        select
            session.charger_uuid as device,
            session.start_at,
            timezone(coalesce(zones.zone, 'UTC'), session.start_at)::date as local_date,
            session.energy_kwh,
            session.home_kwh
        from ev_session_half_hours as session
        left join device_zones as zones on session.charger_uuid = zones.device_id
        where list_contains($devices::varchar[], session.charger_uuid)
    )
select
    device,
    date_trunc('hour', start_at) as hour_at,
    min(local_date) as local_date,
    sum(energy_kwh) as ev,
    sum(least(energy_kwh, home_kwh)) filter (where home_kwh is not null) as fitting_kwh,
    sum(energy_kwh) filter (where home_kwh is not null) as known_kwh
from half_hours
where
    local_date between $first and $last and date_trunc('hour', start_at) + interval 1 hour <= $until
group by device, hour_at
order by device, hour_at
