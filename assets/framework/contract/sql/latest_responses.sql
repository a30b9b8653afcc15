-- Grain: request (device, path and parameters). Its last successful response for a dataset.
SELECT device_id, path, params, max(fetched_at) AS at, arg_max(complete, fetched_at) AS complete
FROM requests
WHERE dataset = $dataset AND outcome = 'ok' AND page = 1
GROUP BY ALL
