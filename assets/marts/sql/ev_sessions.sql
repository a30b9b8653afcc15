-- The charging sessions of EV chargers, with the sources and the cost of their energy.
--
-- Each half hour of a session has the home's mix of solar, battery and grid energy of that half
-- hour. A charger whose energy does not fit into the home's is outside the inverter's meter: its
-- sources are unknown. So are they if the account has several sites, as the API does not say at
-- which one a charger is. Energy from the battery has no cost here: it was paid for, or not
-- exported, when it was charged.
--
-- key: charger_uuid, started_at
-- reads: ev_charging_sessions, ev_session_energies, ev_session_half_hours, ev_meter_readings
-- columns:
-- charger_uuid varchar: UUID of the charger.
-- started_at timestamptz: Start of the session, UTC.
-- stopped_at timestamptz: End of the session, UTC; null while it is open.
-- started_local timestamp: Start in local time.
-- local_date date: Local day of the start.
-- duration_s double: Duration; null while it is open, or if its times cannot be true.
-- energy_kwh double: Energy; null where it is unknown.
-- energy_source varchar: How the energy was found: difference, register or none, as in
-- `ev_session_energies`.
-- power_mean_w double: Mean power from start to end.
-- power_max_w double: Highest power of the charger's readings; null without readings.
-- solar_kwh double: Energy from the sun directly; null if the sources are unknown.
-- battery_kwh double: Energy from the battery.
-- grid_kwh double: Energy from the grid.
-- tariffs varchar: Tariffs in force, separated by commas; null if none.
-- cost_gbp double: What its grid energy cost at the price of each half hour; all of its energy if
-- the charger is outside the inverter's meter. Null if sources or a price are unknown.
-- cost_without_solar_gbp double: Cost if all of it had come from the grid.
-- export_forgone_gbp double: What its solar energy would have earned as export.
-- half_hours bigint: Half hours of the session with energy.
-- half_hours_known bigint: Those of which the home's mix is known.
-- on_home_meter boolean: Whether at least nine tenths of its energy fit into the home's; null if
-- that is unknown, as where energy that is spread evenly fits into the home's of the session as a
-- whole.
-- source varchar: ev_meter_readings, or ev_charging_sessions if its energy is spread evenly; null
-- without energy.
-- is_complete boolean: Whether the session has ended, its energy is known and the home's mix of all
-- of it.
-- is_final boolean: Whether the session has ended and the home's mix can no longer change.
with
    sources as (
        select
            charger_uuid,
            started_at,
            count(*) as half_hours,
            count(*) filter (where is_complete) as half_hours_known,
            /* least() ignores a null. */
            sum(least(energy_kwh, home_kwh)) filter (where is_complete) as fitting_kwh,
            sum(energy_kwh) filter (where is_complete) as known_kwh,
            sum(home_kwh) filter (where is_complete) as home_kwh,
            sum(solar_kwh) as solar_kwh,
            sum(battery_kwh) as battery_kwh,
            sum(grid_kwh) as grid_kwh,
            string_agg(distinct tariff, ', ' order by tariff) as tariffs,
            /* One unknown price makes the cost unknown. */
            bool_and(import_pence is not null) as has_prices,
            sum(grid_kwh * import_pence) / 100 as mix_cost,
            sum(energy_kwh * import_pence) / 100 as whole_cost,
            sum(solar_kwh * export_pence) / 100 as forgone,
            bool_and(export_pence is not null or solar_kwh = 0) as has_export_prices,
            max(source) as source,
            bool_and(is_final) as is_final
        from ev_session_half_hours
        group by charger_uuid, started_at
    ),
    session_hours as (
        select
            charger_uuid,
            started_at,
            stopped_at,
            unnest(
                generate_series(
                    date_trunc('hour', started_at), coalesce(stopped_at, now()), interval 1 hour
                )
            ) as hour_at
        from ev_charging_sessions
    ),
    powers as (
        select session.charger_uuid, session.started_at, max(power.value_normalised) as power_max_w
        from ev_meter_readings as power
        inner join
            session_hours as session
            on power.charger_uuid = session.charger_uuid
            and date_trunc('hour', power.time) = session.hour_at
        where
            power.meter_id = 0
            and power.measurand = 13
            and power.time >= session.started_at
            and power.time <= coalesce(session.stopped_at, power.time)
        group by session.charger_uuid, session.started_at
    ),
    judged as (
        select
            session.charger_uuid,
            session.started_at,
            session.stopped_at,
            session.started_local,
            session.local_date,
            session.duration_s,
            energies.energy_kwh,
            energies.energy_source,
            3600000 * energies.energy_kwh / nullif(session.duration_s, 0) as power_mean_w,
            powers.power_max_w,
            case
                when sources.fitting_kwh >= 0.9 * sources.known_kwh
                then true
                /* Energy that is spread evenly can be in the wrong half hours. */
                when sources.source = 'ev_meter_readings' or sources.known_kwh > sources.home_kwh
                then false
            end as on_home_meter,
            coalesce(
                on_home_meter and sources.half_hours_known = sources.half_hours, false
            ) as has_sources,
            sources.* exclude (
                charger_uuid, started_at, fitting_kwh, known_kwh, home_kwh, is_final
            ),
            session.has_ended,
            sources.is_final as is_mix_final
        from ev_charging_sessions as session
        left join ev_session_energies as energies using (charger_uuid, started_at)
        left join sources using (charger_uuid, started_at)
        left join powers using (charger_uuid, started_at)
    )
select
    charger_uuid,
    started_at,
    stopped_at,
    started_local,
    local_date,
    duration_s,
    energy_kwh,
    energy_source,
    round(power_mean_w, 1) as power_mean_w,
    power_max_w,
    round(case when has_sources then solar_kwh else null end, 3) as solar_kwh,
    round(case when has_sources then battery_kwh else null end, 3) as battery_kwh,
    round(case when has_sources then grid_kwh else null end, 3) as grid_kwh,
    tariffs,
    case
        when not has_prices
        then null
        when has_sources
        then round(mix_cost, 6)
        when not on_home_meter
        then round(whole_cost, 6)
    end as cost_gbp,
    case when has_prices then round(whole_cost, 6) else null end as cost_without_solar_gbp,
    case
        when has_sources and has_export_prices then round(coalesce(forgone, 0), 6) else null
    end as export_forgone_gbp,
    coalesce(half_hours, 0) as half_hours,
    coalesce(half_hours_known, 0) as half_hours_known,
    on_home_meter,
    source,
    has_ended and energy_kwh is not null and half_hours_known = half_hours as is_complete,
    has_ended and coalesce(is_mix_final, false) as is_final
from judged
