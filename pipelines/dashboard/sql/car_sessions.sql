-- The charging sessions that began in the shown period, newest first, 500 at most.
--
-- Of all chargers of the account: the API does not say at which site one is.
--
-- key: charger_uuid, started_at
-- reads: ev_sessions, ev_chargers
-- parameters:
-- start: First day.
-- end: Last day.
-- columns:
-- charger_uuid: UUID of the charger.
-- charger: Its name, if it is kept; else its serial number.
-- started_at: Start of the session, UTC.
-- started_local: Start in local time.
-- stopped_at: End of the session, UTC; null while it is open.
-- duration_s: Duration; null while it is open.
-- energy_kwh: Energy; null where it is unknown.
-- solar_kwh: Energy from the sun directly; null if the sources are unknown.
-- battery_kwh: Energy from the battery.
-- grid_kwh: Energy from the grid.
-- cost_gbp: What its grid energy cost; null if sources or a price are unknown.
-- cost_without_solar_gbp: Cost if all of it had come from the grid.
-- pence_per_kwh: Cost of a kWh, in hundredths of the currency.
-- on_home_meter: Whether its energy is in that of the home; null if that is unknown.
-- is_complete: Whether the session has ended, and its energy and sources are known.
with
    names as (
        select
            charger_uuid,
            coalesce(arg_max(alias, valid_from), arg_max(serial_number, valid_from)) as charger
        from ev_chargers
        group by charger_uuid
    )
select
    charger_uuid,
    coalesce(names.charger, charger_uuid) as charger,
    sessions.started_at,
    strftime(sessions.started_local, '%Y-%m-%d %H:%M') as started_local,
    sessions.stopped_at,
    sessions.duration_s,
    sessions.energy_kwh,
    sessions.solar_kwh,
    sessions.battery_kwh,
    sessions.grid_kwh,
    sessions.cost_gbp,
    sessions.cost_without_solar_gbp,
    100 * sessions.cost_gbp / nullif(sessions.energy_kwh, 0) as pence_per_kwh,
    sessions.on_home_meter,
    sessions.is_complete
from ev_sessions as sessions
left join names using (charger_uuid)
where sessions.local_date between $start::date and $end::date
order by sessions.started_at desc, charger_uuid
limit 500
