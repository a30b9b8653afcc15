-- Grain: dataset, device, path and kind of request, for requests that are not by day. Its last
-- results. Requests that differ only in dates and pages are of one kind.
select
    dataset,
    device_id,
    path,
    regexp_replace(
        regexp_replace(params, '[0-9]{4}-[0-9]{2}-[0-9]{2}[^"]*', '', 'g'), '"page":[0-9]+', '', 'g'
    ) as kind,
    max(fetched_at) filter (where outcome = 'ok' and complete) as complete_at,
    max(fetched_at) filter (where outcome = 'ok' and not complete) as partial_at,
    arg_max(message, fetched_at) filter (where outcome = 'ok' and not complete) as partial,
    max(fetched_at) filter (where outcome = 'error') as error_at,
    count(*) filter (where outcome = 'error') as error_count,
    arg_max(status, fetched_at) filter (where outcome = 'error') as error_status,
    arg_max(message, fetched_at) filter (where outcome = 'error') as error
from requests
where request_date is null and ($dataset is null or dataset = $dataset)
group by all
