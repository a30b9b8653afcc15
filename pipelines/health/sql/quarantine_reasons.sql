-- Grain: dataset and reason. Rows in quarantine.
SELECT dataset, reason, count(*) AS rows
FROM quarantine
GROUP BY ALL
ORDER BY ALL
