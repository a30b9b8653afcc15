-- Grain: inverter and requested day that may lack points: they were missing for more than 30
-- minutes while the counters grew, or have been missing since.
with
    points as (
        select
            inverter_serial,
            time,
            local_time,
            request_date,
            lead(time) over later as next_time,
            lead(local_time) over later as next_local_time,
            lead(request_date) over later as next_request_date,
            greatest(
                lead(total_solar_kwh) over later - total_solar_kwh,
                lead(total_grid_import_kwh) over later - total_grid_import_kwh,
                lead(total_grid_export_kwh) over later - total_grid_export_kwh,
                /* It steps back by 0.1 now and then (recorded). */
                lead(total_consumption_kwh) over later - total_consumption_kwh - 0.15
            ) as growth_kwh
        from inverter_data_points
        where request_date >= $since and hash(inverter_serial) % $parts = $part
        window later as (partition by inverter_serial order by time)
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
        from points
        where
            next_time is null
            or (next_time - time > interval 30 minute and coalesce(growth_kwh > 0.01, true))
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
