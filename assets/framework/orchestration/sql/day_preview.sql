-- Grain: row. A few measurements of the first three rows of each requested date.
select request_date, {device}, {time}, {figures}
from {table}
where request_date between $first and $last
qualify row_number() over (partition by request_date order by {time}, {device}) <= 3
