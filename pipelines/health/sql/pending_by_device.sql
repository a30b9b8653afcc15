-- Grain: dataset and device. How many archived responses are not in the tables yet.
SELECT dataset, device_id, count(*) AS responses
FROM pending_responses
GROUP BY ALL
ORDER BY ALL
