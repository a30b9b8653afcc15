-- The energy of charging sessions by day, month or year of their start, with its sources.
--
-- Of all chargers of the account. Days without a session have no row.
--
-- key: bucket_start
-- reads: ev_sessions
-- parameters:
-- start: First day.
-- end: Last day.
-- bucket: day, month or year.
-- columns:
-- bucket_start: First day of the day, month or year.
-- sessions: Sessions.
-- sessions_complete: Those that have ended and whose energy and sources are known.
-- energy_kwh: Energy, of the sessions of which it is known.
-- solar_kwh: Energy from the sun directly.
-- battery_kwh: Energy from the battery.
-- grid_kwh: Energy from the grid.
-- unknown_kwh: Energy of which the source is unknown.
-- cost_gbp: Cost, of the sessions of which it is known.
-- sessions_with_cost: Sessions of which the cost is known.
-- days: Days with a session.
select
    date_trunc($bucket, local_date)::date as bucket_start,
    count(*) as sessions,
    count(*) filter (where is_complete) as sessions_complete,
    round(sum(energy_kwh), 3) as energy_kwh,
    round(sum(solar_kwh), 3) as solar_kwh,
    round(sum(battery_kwh), 3) as battery_kwh,
    round(sum(grid_kwh), 3) as grid_kwh,
    round(
        sum(
            greatest(
                0,
                energy_kwh
                - coalesce(solar_kwh, 0)
                - coalesce(battery_kwh, 0)
                - coalesce(grid_kwh, 0)
            )
        ),
        3
    ) as unknown_kwh,
    round(sum(cost_gbp), 6) as cost_gbp,
    count(cost_gbp) as sessions_with_cost,
    count(distinct local_date) as days
from ev_sessions
where local_date between $start::date and $end::date
group by bucket_start
order by bucket_start
