-- Grain: requested date. Number of rows.
select request_date, count(*) as row_count
from {table}
where request_date between $first and $last
group by request_date
