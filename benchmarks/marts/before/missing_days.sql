select dataset, device_id, request_date as local_date, state
from coverage
where request_date between '2025-04-01' and '2025-04-30' and state not in ('complete', 'empty')
order by all
