-- Grain: dataset, device, path and kind of request, for requests that are not by day. Its last
-- results. Requests that differ only in dates and pages are of one kind, also if the date is in the
-- path.
with
    kinds as (
        select
            * replace (regexp_replace(path, '[0-9]{4}-[0-9]{2}-[0-9]{2}$', '') as path),
            regexp_replace(
                regexp_replace(params, '[0-9]{4}-[0-9]{2}-[0-9]{2}[^"]*', '', 'g'),
                '"page":[0-9]+',
                '',
                'g'
            ) as kind,
            coalesce(error_kind not in ('foreign', 'proxy', 'redirect'), true) as is_by_api
        from requests
        where request_date is null and source = 'api' and list_contains($datasets, dataset)
    ),
    answered as (
        select
            *,
            max(response_id) filter (where outcome = 'ok') over (
                partition by dataset, device_id, path, kind
            ) as answered_id
        from kinds
    )
select
    dataset,
    device_id,
    path,
    kind,
    arg_max(
        case when outcome = 'error' then 'error' when complete then 'complete' else 'partial' end,
        response_id
    ) as result,
    arg_max(fetched_at, response_id) as at,
    arg_max(coalesce(message, ''), response_id) as message,
    /* 0: the API itself did not answer. */
    arg_max(if(is_by_api, coalesce(status, 0), 0), response_id) as status,
    arg_max(fetched_at, response_id) filter (where outcome = 'ok' and complete) as complete_at,
    bool_or(outcome = 'ok') as was_answered,
    count(*) filter (where outcome = 'error') as error_count,
    min(fetched_at) filter (
        where status = 404 and is_by_api and response_id > coalesce(answered_id, 0)
    ) as not_found_at
from answered
group by all
