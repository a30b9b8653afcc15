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
            max(fetched_at) filter (where outcome = 'ok') over (
                partition by dataset, device_id, path, kind
            ) as answered_at
        from kinds
    )
select
    dataset,
    device_id,
    path,
    kind,
    max(fetched_at) filter (where outcome = 'ok' and complete) as complete_at,
    max(fetched_at) filter (where outcome = 'ok' and not complete) as partial_at,
    arg_max(message, fetched_at) filter (where outcome = 'ok' and not complete) as partial,
    max(fetched_at) filter (where outcome = 'error') as error_at,
    count(*) filter (where outcome = 'error') as error_count,
    /* 0: the API itself did not answer. */
    arg_max(if(is_by_api, coalesce(status, 0), 0), fetched_at) filter (
        where outcome = 'error'
    ) as error_status,
    arg_max(message, fetched_at) filter (where outcome = 'error') as error,
    min(fetched_at) filter (
        where status = 404 and is_by_api and fetched_at > coalesce(answered_at, 'epoch')
    ) as not_found_at
from answered
group by all
