-- Devices' days by what is stored of them.
select dataset, state, count(*) as days, min(request_date) as first_day
from coverage
where request_date >= current_date - 30
group by dataset, state
order by days desc
