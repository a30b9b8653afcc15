-- Grain: request (device, path and parameters). The API's last successful response for a dataset.
select device_id, path, params, max(fetched_at) as at, arg_max(complete, fetched_at) as complete
from requests
where dataset = $dataset and outcome = 'ok' and page = 1 and source = 'api'
group by all
