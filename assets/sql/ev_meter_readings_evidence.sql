-- Grain: charger and day that may lack readings: the register of imported energy (measurand 4) was
-- not read for more than an hour and grew by more than 0.1 kWh meanwhile.
with
    readings as (
        select
            charger_uuid,
            time,
            local_time,
            request_date,
            lead(time) over later as next_time,
            lead(local_time) over later as next_local_time,
            lead(request_date) over later as next_request_date,
            lead(value_normalised) over later - value_normalised as growth_wh
        from ev_meter_readings
        where
            request_date >= $since
            and hash(charger_uuid) % $parts::ubigint = $part
            and measurand = 4
            and value_normalised is not null
        window later as (partition by charger_uuid, meter_id order by time)
    ),
    gaps as (
        select
            *,
            local_time < request_date + interval 23 hour as begins_within,
            next_local_time > next_request_date + interval 1 hour as ends_within
        from readings
        where next_time - time > interval 1 hour and growth_wh > 100
    ),
    days as (
        select
            *,
            unnest(
                generate_series(
                    request_date::timestamp, next_request_date::timestamp, interval 1 day
                )
            )::date as day
        from gaps
    )
select charger_uuid as device_id, day as request_date, max(next_time) as continued_at
from days
where
    case
        when request_date = next_request_date
        then true
        when day = request_date
        then begins_within or (not ends_within and next_request_date = request_date + 1)
        when day = next_request_date
        then ends_within or (not begins_within and next_request_date = request_date + 1)
        else true
    end
group by charger_uuid, day
