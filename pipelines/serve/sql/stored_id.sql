-- How the archive or the lists write the name of a device, which the API takes in any case.
select device_id
from
    (
        select device_id
        from requests
        where outcome = 'ok'
        union all
        select device_id
        from expected_days
    )
where lower(device_id) = lower($device)
limit 1
