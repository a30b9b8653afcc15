-- Grain: one row. The first and last day of some responses; null if they have none.
select min(request_date) as first, max(coalesce(request_end_date, request_date)) as last
from requests
where dataset = $dataset and list_contains($response_ids, response_id)
