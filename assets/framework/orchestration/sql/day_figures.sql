-- Grain: requested date. Rows, devices, and gaps between two rows of a device.
with
    rows_of_days as (
        select
            request_date,
            {device} as device,
            {time}
            - lag({time}) over (partition by {device}, request_date order by {time}) as silence
        from {table}
        where request_date between $first and $last
    )
select
    request_date,
    count(*) as row_count,
    count(distinct device) as device_count,
    count(*) filter (where silence > interval 15 minute) as gap_count,
    max(epoch(silence)) / 60 as longest_gap_minutes
from rows_of_days
group by request_date
