-- Grain: finding. Undocumented values in the responses of a dataset, or of all datasets.
select dataset, kind, field, value as example, "count", first_seen_at
from drift
where $dataset is null or dataset = $dataset
order by first_seen_at, dataset, kind, field, value
