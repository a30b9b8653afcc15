-- Device-days by state.
SELECT dataset, state, count(*) AS device_days, min(request_date) AS first, max(request_date) AS last
FROM coverage
WHERE request_date >= current_date - 30
GROUP BY ALL
ORDER BY device_days DESC
