-- What each charging session cost under the tariff in force.
--
-- The columns of money of `ev_sessions`, where they are explained.
--
-- key: charger_uuid, started_at
-- reads: ev_sessions
-- columns:
-- charger_uuid: UUID of the charger.
-- started_at: Start of the session, UTC.
-- started_local: Start in local time.
-- local_date: Local day of the start.
-- tariffs: Tariffs in force, separated by commas; null if none.
-- energy_kwh: Energy; null where it is unknown.
-- cost_gbp: Cost of its grid energy; of all its energy if the charger is outside the inverter's
-- meter.
-- cost_without_solar_gbp: Cost if all of it had come from the grid.
-- export_forgone_gbp: What its solar energy would have earned as export.
-- pence_per_kwh: Cost per kWh of the session.
-- source: As in `ev_sessions`.
-- is_complete: Whether the cost is known.
-- is_final: Whether the session has ended and the home's mix can no longer change.
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
