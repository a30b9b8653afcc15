-- Grain: dataset, device, path and kind of request, for requests that are not by day. Its last
-- results. Requests that differ only in dates and pages are of one kind.
SELECT
    dataset,
    device_id,
    path,
    regexp_replace(
        regexp_replace(params, '[0-9]{4}-[0-9]{2}-[0-9]{2}[^"]*', '', 'g'),
        '"page":[0-9]+', '', 'g'
    ) AS kind,
    max(fetched_at) FILTER (WHERE outcome = 'ok' AND complete) AS complete_at,
    max(fetched_at) FILTER (WHERE outcome = 'ok' AND NOT complete) AS partial_at,
    arg_max(message, fetched_at) FILTER (WHERE outcome = 'ok' AND NOT complete) AS partial,
    max(fetched_at) FILTER (WHERE outcome = 'error') AS error_at,
    count(*) FILTER (WHERE outcome = 'error') AS error_count,
    arg_max(status, fetched_at) FILTER (WHERE outcome = 'error') AS error_status,
    arg_max(message, fetched_at) FILTER (WHERE outcome = 'error') AS error
FROM requests
WHERE request_date IS NULL AND ($dataset IS NULL OR dataset = $dataset)
GROUP BY ALL
