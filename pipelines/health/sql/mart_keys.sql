-- Grain: one row. Whether the key of a mart identifies its rows.
with keys as (select {key}, count(*) as copies from {mart} group by all)
select
    coalesce(sum(copies), 0)::bigint as rows,
    count(*) filter (where copies > 1) as repeated_keys,
    coalesce(sum(copies) filter (where {is_null}), 0)::bigint as rows_without_key,
    any_value({{ {fields} }}::varchar) filter (where copies > 1 or {is_null}) as example
from keys
