-- The pages of the newest whole fetch of a path; of the newest one, where none is whole.
with
    pages as (
        select response_id, segment, dataset, device_id, page, fetch_id, fetched_at, complete
        from requests
        where
            path = $path and method = $method and outcome = 'ok' and json_contains(params, $filters)
    ),
    newest as (select arg_max(fetch_id, (complete, fetched_at, fetch_id)) as fetch_id from pages)
select response_id, segment, dataset, device_id, page, fetched_at
from pages
semi join newest using (fetch_id)
order by page
