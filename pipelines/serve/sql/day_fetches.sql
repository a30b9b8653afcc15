-- The fetches that cover any of some days of a device.
select
    fetch_id,
    min(request_date) as first_date,
    max(coalesce(request_end_date, request_date)) as last_date,
    bool_and(complete) and count(*) = max(page_count) as is_whole,
    list(response_id order by page) as response_ids,
    any_value(segment) as segment
from requests
where
    dataset = $dataset
    and device_id = $device
    and outcome = 'ok'
    and request_date <= $last
    and coalesce(request_end_date, request_date) >= $first
group by fetch_id
