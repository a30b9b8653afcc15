-- The energy of each charging session by half hour, with the home's mix of energy and the prices
-- of that time.
--
-- Steps of the charger's import register inside the session, with the session's own readings of
-- the meter at both ends, spread over the time of each step, then scaled so that they add up to
-- the session's energy. A session of which no reading is known is spread evenly. Open sessions
-- and those of unknown energy have no rows. The mix is that of the account's only site; with
-- several sites it is null, as the API does not say at which one a charger is. It holds only if
-- the charger is on the home's meter, as `ev_sessions` finds.
--
-- key: charger_uuid, started_at, start_at
-- reads: ev_charging_sessions, ev_session_energies, ev_meter_readings, site_half_hourly,
-- site_members, device_zones, tariffs_in_force, tariff_prices
-- columns:
-- charger_uuid varchar: UUID of the charger.
-- started_at timestamptz: Start of the session, UTC.
-- start_at timestamptz: Start of the half hour, UTC.
-- local_date date: Local day of the start of the session.
-- energy_kwh double: Energy of the session in the half hour.
-- home_kwh double: Energy used in the home in the half hour, with the car's; null if unknown.
-- solar_kwh double: Solar energy of the session, by the home's mix.
-- battery_kwh double: Battery energy of the session, by the home's mix.
-- grid_kwh double: Grid energy of the session, by the home's mix.
-- tariff varchar: Tariff in force; null if none.
-- import_pence double: Price of imported energy, pence per kWh.
-- export_pence double: Price of exported energy, pence per kWh.
-- source varchar: ev_meter_readings, or ev_charging_sessions if the session's energy is spread
-- evenly.
-- is_complete boolean: Whether the home's mix is known.
-- is_final boolean: Whether the home's mix can no longer change.
with
    sessions as (
        select
            session.charger_uuid,
            session.started_at,
            session.stopped_at,
            session.meter_start_kwh,
            session.meter_stop_kwh,
            session.energy_source,
            energies.energy_kwh
        from ev_charging_sessions as session
        inner join ev_session_energies as energies using (charger_uuid, started_at)
        where
            session.duration_s > 0
            and session.stopped_at is not null
            and energies.energy_kwh is not null
    ),
    register as (
        select charger_uuid, time, value_normalised / 1000 as register_kwh
        from ev_meter_readings
        where meter_id = 0 and measurand = 4 and value_normalised is not null
    ),
    /* Joined by the hour: sessions are few and registers many. */
    session_hours as (
        select
            charger_uuid,
            started_at,
            stopped_at,
            energy_source,
            meter_start_kwh,
            meter_stop_kwh,
            unnest(
                generate_series(date_trunc('hour', started_at), stopped_at, interval 1 hour)
            ) as hour_at
        from sessions
    ),
    readings as (
        select
            session.charger_uuid,
            session.started_at,
            register.time,
            register.register_kwh,
            true as is_inside
        from register
        inner join
            session_hours as session
            on register.charger_uuid = session.charger_uuid
            and date_trunc('hour', register.time) = session.hour_at
        where
            register.time > session.started_at
            and register.time < session.stopped_at
            /* A reading that the session's own ones exclude cannot be true. */
            and (
                session.energy_source <> 'difference'
                or register.register_kwh
                between session.meter_start_kwh - 0.1 and session.meter_stop_kwh + 0.1
            )
        union all
        select
            charger_uuid,
            started_at,
            started_at as time,
            meter_start_kwh as register_kwh,
            false as is_inside
        from sessions
        where energy_source = 'difference'
        union all
        select
            charger_uuid,
            started_at,
            stopped_at as time,
            meter_stop_kwh as register_kwh,
            false as is_inside
        from sessions
        where energy_source = 'difference'
    ),
    steps as (
        select
            charger_uuid,
            started_at,
            time,
            is_inside,
            lead(time) over later as next_time,
            greatest(0, lead(register_kwh) over later - register_kwh) as step_kwh
        from readings
        window later as (partition by charger_uuid, started_at order by time, register_kwh)
    ),
    counted as (
        select
            charger_uuid,
            started_at,
            sum(step_kwh) as counted_kwh,
            bool_or(is_inside) as has_readings
        from steps
        group by charger_uuid, started_at
    ),
    /* Without readings, one step from the session's start to its end. */
    all_steps as (
        select
            steps.charger_uuid,
            steps.started_at,
            steps.time,
            steps.next_time,
            steps.step_kwh * session.energy_kwh / counted.counted_kwh as step_kwh,
            case
                when counted.has_readings then 'ev_meter_readings' else 'ev_charging_sessions'
            end as source
        from steps
        inner join counted using (charger_uuid, started_at)
        inner join sessions as session using (charger_uuid, started_at)
        where steps.next_time > steps.time and counted.counted_kwh > 0
        union all
        select
            session.charger_uuid,
            session.started_at,
            session.started_at as time,
            session.stopped_at as next_time,
            session.energy_kwh as step_kwh,
            'ev_charging_sessions' as source
        from sessions as session
        left join counted using (charger_uuid, started_at)
        where coalesce(counted.counted_kwh, 0) = 0
    ),
    parts as (
        select
            *,
            unnest(
                generate_series(
                    time_bucket(interval 30 minute, time),
                    next_time - interval 1 microsecond,
                    interval 30 minute
                )
            ) as start_at
        from all_steps
    ),
    energies as (
        select
            charger_uuid,
            started_at,
            start_at,
            sum(
                step_kwh
                * epoch(least(next_time, start_at + interval 30 minute) - greatest(time, start_at))
                / (epoch(next_time) - epoch(time))
            ) as energy_kwh,
            max(source) as source
        from parts
        group by charger_uuid, started_at, start_at
    ),
    sites as (
        select case when count(distinct site) = 1 then min(site) else null end as site
        from site_members
    )
select
    energies.charger_uuid,
    energies.started_at,
    energies.start_at,
    session.local_date,
    energies.energy_kwh,
    mix.home_kwh,
    energies.energy_kwh * mix.pv_to_home_kwh / nullif(mix.home_kwh, 0) as solar_kwh,
    energies.energy_kwh * mix.battery_to_home_kwh / nullif(mix.home_kwh, 0) as battery_kwh,
    energies.energy_kwh * mix.grid_to_home_kwh / nullif(mix.home_kwh, 0) as grid_kwh,
    in_force.tariff,
    prices.import_pence,
    prices.export_pence,
    energies.source,
    coalesce(mix.home_kwh > 0, false) as is_complete,
    coalesce(mix.is_final, false) as is_final
from energies
inner join ev_charging_sessions as session using (charger_uuid, started_at)
left join device_zones as zones on energies.charger_uuid = zones.device_id
left join sites on true
left join site_half_hourly as mix on sites.site = mix.site and energies.start_at = mix.start_at
left join
    tariffs_in_force as in_force
    on timezone(coalesce(zones.zone, 'UTC'), energies.start_at)::date >= in_force.from_date
    and timezone(coalesce(zones.zone, 'UTC'), energies.start_at)::date
    < coalesce(in_force.to_date, date '9999-12-31')
left join
    tariff_prices as prices
    on in_force.tariff = prices.tariff
    and energies.start_at = prices.start_at
