-- Grain: request (device, path and parameters). The API's last successful response for a dataset.
select
    device_id,
    path,
    params,
    arg_max(fetched_at, response_id) as at,
    arg_max(complete, response_id) as complete
from requests
where dataset = $dataset and outcome = 'ok' and page = 1 and source = 'api'
group by all
