-- Grain: dataset, whether the rows are in a table without a value, and reason; null for
-- all reasons. Rows concerned, and those of them that were first delivered since a time.
with
    entries as (
        select
            dataset,
            reason,
            coalesce(is_row_kept, false) as is_row_kept,
            hash("table", device_id, request_date, row_digest) as concerned,
            first_seen_at >= $since as is_new
        from quarantine
    )
select
    dataset,
    is_row_kept,
    reason,
    count(distinct concerned) as rows,
    count(distinct concerned) filter (where is_new) as new_rows
from entries
group by grouping sets ((dataset, is_row_kept), (dataset, is_row_kept, reason))
order by all
