-- Whether the archive has an answer about a device, or lists have it.
select
    exists (from requests where device_id = $device and outcome = 'ok')
    or exists (from expected_days where device_id = $device)
