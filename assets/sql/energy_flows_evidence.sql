-- Grain: inverter and day that may lack half hours: some are missing although the counters of the
-- points grew meanwhile or there are no points, or all have been missing since.
with
    half_hours as (
        select
            inverter_serial,
            end_at,
            request_date,
            end_local,
            lead(start_at) over later as next_start_at,
            lead(start_local) over later as next_start_local,
            lead(request_date) over later as next_request_date
        from energy_flows
        where request_date >= $since and hash(inverter_serial) % $parts::ubigint = $part
        window later as (partition by inverter_serial order by start_at)
    ),
    gaps as (
        select *, coalesce(next_request_date, $today) as until_date
        from half_hours
        where next_start_at is null or next_start_at > end_at
    ),
    points as (
        select
            inverter_serial,
            time,
            total_solar_kwh + total_grid_import_kwh + total_grid_export_kwh as counted_kwh
        from inverter_data_points
        where
            request_date >= $since
            and hash(inverter_serial) % $parts::ubigint = $part
            and exists (from gaps)
    ),
    begun as (
        select gaps.*, points.counted_kwh as counted_before_kwh
        from gaps
        asof left join
            points on gaps.inverter_serial = points.inverter_serial and gaps.end_at >= points.time
    ),
    compared as (
        select begun.*, points.counted_kwh - begun.counted_before_kwh as growth_kwh
        from begun
        asof left join
            points
            on begun.inverter_serial = points.inverter_serial
            and begun.next_start_at <= points.time
    ),
    days as (
        select
            *,
            unnest(
                generate_series(request_date::timestamp, until_date::timestamp, interval 1 day)
            )::date as day
        from compared
        where next_start_at is null or coalesce(growth_kwh > 0.01, true)
    )
select inverter_serial as device_id, day as request_date, max(next_start_at) as continued_at
from days
where
    case
        when day = request_date
        then end_local < request_date + interval 1 day
        when day = next_request_date
        then next_start_local > next_request_date
        else true
    end
group by inverter_serial, day
