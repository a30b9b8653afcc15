-- Grain: inverter and requested day that may lack points: they were missing for more than 30
-- minutes while the counters grew, or have been missing since.
with
    points as not materialized(
        select *
        from inverter_data_points
        where request_date >= $since and hash(inverter_serial) % $parts::ubigint = $part
    ),
    /* Only the times of all points; the other columns are read for the ends of the pauses. */
    steps as (
        select
            inverter_serial,
            time,
            lead(time) over (partition by inverter_serial order by time) as next_time
        from points
    ),
    pauses as materialized(
        select * from steps where next_time is null or next_time - time > interval 30 minute
    ),
    ends as materialized(
        select points.*
        from points
        semi join
            (
                select inverter_serial, time
                from pauses
                union all
                select inverter_serial, next_time
                from pauses
            ) as of_pause
            on points.inverter_serial = of_pause.inverter_serial
            and points.time = of_pause.time
    ),
    compared as (
        select
            pauses.inverter_serial,
            pauses.time,
            pauses.next_time,
            before.local_time,
            before.request_date,
            after.local_time as next_local_time,
            after.request_date as next_request_date,
            greatest(
                after.total_solar_kwh - before.total_solar_kwh,
                after.total_grid_import_kwh - before.total_grid_import_kwh,
                after.total_grid_export_kwh - before.total_grid_export_kwh,
                /* It steps back by 0.1 now and then (recorded). */
                after.total_consumption_kwh - before.total_consumption_kwh - 0.15
            ) as growth_kwh
        from pauses
        inner join
            ends as before
            on pauses.inverter_serial = before.inverter_serial
            and pauses.time = before.time
        left join
            ends as after
            on pauses.inverter_serial = after.inverter_serial
            and pauses.next_time = after.time
    ),
    gaps as (
        select
            *,
            coalesce(next_request_date, $today) as until_date,
            /* Days of an inverter are local days, or UTC days (recorded): both must have passed. */
            greatest(local_time, timezone('UTC', time))
            < request_date + interval 1 day - interval 30 minute as begins_within,
            least(next_local_time, timezone('UTC', next_time))
            > next_request_date + interval 30 minute as ends_within
        from compared
        where next_time is null or coalesce(growth_kwh > 0.01, true)
    ),
    days as (
        select
            *,
            unnest(
                generate_series(request_date::timestamp, until_date::timestamp, interval 1 day)
            )::date as day
        from gaps
    )
select inverter_serial as device_id, day as request_date, max(next_time) as continued_at
from days
where
    case
        when request_date = next_request_date
        then true
        when day = request_date
        then begins_within or (ends_within is false and next_request_date = request_date + 1)
        when day = next_request_date
        then ends_within or (begins_within is false and next_request_date = request_date + 1)
        else true
    end
group by inverter_serial, day
