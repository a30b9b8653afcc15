-- Grain: dataset and reason. Quarantined rows.
SELECT dataset, reason, count(*) AS rows
FROM quarantine
GROUP BY ALL
ORDER BY ALL
