-- What each charging session cost under the tariff in force.
--
-- The columns of money of `ev_sessions`, where they are explained.
--
-- key: charger_uuid, started_at
-- reads: ev_sessions
-- columns:
-- charger_uuid varchar: UUID of the charger.
-- started_at timestamptz: Start of the session, UTC.
-- started_local timestamp: Start in local time.
-- local_date date: Local day of the start.
-- tariffs varchar: Tariffs in force, separated by commas; null if none.
-- energy_kwh double: Energy; null where it is unknown.
-- cost_gbp double: Cost of its grid energy; of all its energy if the charger is outside the
-- inverter's meter.
-- cost_without_solar_gbp double: Cost if all of it had come from the grid.
-- export_forgone_gbp double: What its solar energy would have earned as export.
-- pence_per_kwh double: Cost per kWh of the session.
-- source varchar: As in `ev_sessions`.
-- is_complete boolean: Whether the cost is known.
-- is_final boolean: Whether the session has ended and the home's mix can no longer change.
select
    charger_uuid,
    started_at,
    started_local,
    local_date,
    tariffs,
    energy_kwh,
    cost_gbp,
    cost_without_solar_gbp,
    export_forgone_gbp,
    100 * cost_gbp / nullif(energy_kwh, 0) as pence_per_kwh,
    source,
    cost_gbp is not null as is_complete,
    is_final
from ev_sessions
