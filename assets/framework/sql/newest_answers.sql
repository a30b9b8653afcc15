-- Grain: device. What the API last answered to a request of the dataset, and when.
SELECT device_id, arg_max(status, response_id) AS status, max(fetched_at) AS fetched_at
FROM requests
WHERE dataset = $dataset
GROUP BY device_id
