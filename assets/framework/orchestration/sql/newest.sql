-- Some rows of a table from its newest response.
select {columns}
from {table}
where response_id = (select max(response_id) from {table})
order by {key}
limit 3
