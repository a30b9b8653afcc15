-- Grain: device. The mean number of pages of its days with data, as far as they were fetched.
select device_id, avg(page_count) as pages
from requests
where dataset = $dataset and outcome = 'ok' and page = 1 and rows > 0 and source = 'api'
group by device_id
