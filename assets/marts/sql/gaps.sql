-- More than 30 minutes without a point between two points of an inverter, and why.
--
-- A gap has a row if all days between its two points were requested. A counter that fell, or grew
-- by more than 2 MW could give, says nothing about the energy.
--
-- key: inverter_serial, last_point_at
-- reads: coverage, inverter_data_points, pending_responses
-- columns:
-- inverter_serial varchar: Serial number of the inverter.
-- last_point_at timestamptz: Last point before the gap, UTC.
-- next_point_at timestamptz: First point after the gap, UTC.
-- first_date date: Local day on which the gap begins.
-- last_date date: Local day on which the gap ends.
-- duration_s double: Duration of the gap, s.
-- cause varchar: not_fetched: a day in the gap is failed, partial, forbidden or gone; not_sent: the
-- inverter kept counting and its points never reached the API; device_off: the counters did not
-- grow; unknown: there are no counters.
-- is_energy_known boolean: Whether the counters grew over the gap: energy known, curve unknown.
-- solar_kwh double: Solar energy over the gap.
-- grid_import_kwh double: Energy imported over the gap.
-- grid_export_kwh double: Energy exported over the gap.
-- consumption_kwh double: Energy consumed over the gap.
with
    /* Two points more than 30 minutes apart are the last and the first of two half hours. */
    half_hours as (
        select
            inverter_serial,
            floor(epoch_ms(time) / 1800000)::int as half_hour,
            min(time) as first_at,
            max(time) as last_at
        from inverter_data_points
        group by inverter_serial, half_hour
    ),
    neighbours as (
        select
            inverter_serial,
            lag(last_at) over (partition by inverter_serial order by half_hour) as last_point_at,
            first_at as next_point_at
        from half_hours
    ),
    pauses as (
        select inverter_serial, last_point_at, next_point_at
        from neighbours
        where next_point_at - last_point_at > interval 30 minute
    ),
    ends as (
        select inverter_serial, last_point_at as time
        from pauses
        union
        select inverter_serial, next_point_at as time
        from pauses
    ),
    end_points as (
        select
            inverter_serial,
            time,
            local_date,
            request_date,
            total_solar_kwh,
            total_grid_import_kwh,
            total_grid_export_kwh,
            total_consumption_kwh
        from inverter_data_points
        semi join ends using (inverter_serial, time)
    ),
    points as (
        select
            pauses.inverter_serial,
            pauses.last_point_at,
            pauses.next_point_at,
            earlier.local_date as first_date,
            later.local_date as last_date,
            earlier.request_date as first_request_date,
            later.request_date as last_request_date,
            2000 * (epoch(pauses.next_point_at) - epoch(pauses.last_point_at)) / 3600 as most_kwh,
            later.total_solar_kwh - earlier.total_solar_kwh as solar_step_kwh,
            later.total_grid_import_kwh - earlier.total_grid_import_kwh as import_step_kwh,
            later.total_grid_export_kwh - earlier.total_grid_export_kwh as export_step_kwh,
            /* It steps back by 0.1 now and then. */
            later.total_consumption_kwh - earlier.total_consumption_kwh as used_step_kwh
        from pauses
        inner join
            end_points as earlier
            on pauses.inverter_serial = earlier.inverter_serial
            and pauses.last_point_at = earlier.time
        inner join
            end_points as later
            on pauses.inverter_serial = later.inverter_serial
            and pauses.next_point_at = later.time
    ),
    gaps as (
        select
            inverter_serial,
            last_point_at,
            next_point_at,
            first_date,
            last_date,
            first_request_date,
            last_request_date,
            case
                when solar_step_kwh between 0 and most_kwh then solar_step_kwh else null
            end as solar_kwh,
            case
                when import_step_kwh between 0 and most_kwh then import_step_kwh else null
            end as grid_import_kwh,
            case
                when export_step_kwh between 0 and most_kwh then export_step_kwh else null
            end as grid_export_kwh,
            case
                when used_step_kwh between -0.11 and most_kwh
                then greatest(used_step_kwh, 0)
                else null
            end as consumption_kwh,
            greatest(
                solar_kwh, grid_import_kwh, grid_export_kwh, round(consumption_kwh, 1) - 0.1
            ) as growth_kwh
        from points
    ),
    /* A gap over a day that nobody requested is none. */
    requested_days as (
        select gaps.inverter_serial, gaps.last_point_at, count(*) as days
        from gaps
        inner join
            coverage
            on coverage.dataset = 'inverter_data_points'
            and coverage.state <> 'not_requested'
            and gaps.inverter_serial = coverage.device_id
            and coverage.request_date > gaps.first_request_date
            and coverage.request_date < gaps.last_request_date
        where gaps.last_request_date - gaps.first_request_date > 1
        group by all
    ),
    /* Days whose points may be missing because they were not fetched. */
    not_fetched_days as (
        select device_id, request_date
        from coverage
        where
            dataset = 'inverter_data_points'
            and state in ('failed', 'partial', 'forbidden', 'gone', 'unproven')
    ),
    missing_days as (
        select gaps.inverter_serial, gaps.last_point_at, count(*) as days
        from gaps
        inner join
            not_fetched_days
            on gaps.inverter_serial = not_fetched_days.device_id
            and not_fetched_days.request_date
            between gaps.first_request_date and gaps.last_request_date
        group by all
    )
select
    gaps.inverter_serial,
    gaps.last_point_at,
    gaps.next_point_at,
    gaps.first_date,
    gaps.last_date,
    /* A difference of times has days of the session's time zone. */
    epoch(gaps.next_point_at) - epoch(gaps.last_point_at) as duration_s,
    case
        when missing_days.days is not null
        then 'not_fetched'
        when gaps.growth_kwh > 0.01
        then 'not_sent'
        when gaps.growth_kwh is not null
        then 'device_off'
        else 'unknown'
    end as cause,
    coalesce(gaps.growth_kwh > 0.01, false) as is_energy_known,
    gaps.solar_kwh,
    gaps.grid_import_kwh,
    gaps.grid_export_kwh,
    gaps.consumption_kwh
from gaps
left join missing_days using (inverter_serial, last_point_at)
left join requested_days using (inverter_serial, last_point_at)
/* Gaps with archived responses that are not built yet are undecided. */
where
    gaps.last_request_date - gaps.first_request_date - 1 <= coalesce(requested_days.days, 0)
    and not exists (
        from pending_responses as pending
        where
            pending.dataset = 'inverter_data_points'
            and pending.device_id = gaps.inverter_serial
            and pending.request_date <= gaps.last_request_date
            and coalesce(pending.request_end_date, pending.request_date) >= gaps.first_request_date
    )
