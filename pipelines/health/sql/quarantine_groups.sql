-- Grain: dataset, table, reason, check and column. Quarantined rows, or rows of which a
-- value was, with an example: the oldest complete one.
select
    dataset,
    "table",
    reason,
    "check",
    "column",
    coalesce(bool_and(is_row_kept), false) as is_row_kept,
    count(*) as rows,
    sum(times_seen)::bigint as times_seen,
    count(distinct device_id) as devices,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at,
    first(
        {
            device_id:device_id,
            request_date:request_date,
            response_id:response_id,
            row_index:row_index,
            value:value,
            raw:raw
        }
        order by raw is null, response_id, row_index
    ) as example
from quarantine
where $dataset is null or dataset = $dataset
group by all
order by rows desc, dataset, "table", reason, "check", "column"
