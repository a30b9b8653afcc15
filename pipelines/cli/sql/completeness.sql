-- Device-days by state.
select
    dataset, state, count(*) as device_days, min(request_date) as first, max(request_date) as last
from coverage
where request_date >= current_date - 30
group by all
order by device_days desc
