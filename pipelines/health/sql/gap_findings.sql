-- Grain: inverter, local day on which gaps begin, and cause. Hours without a point.
select
    inverter_serial as device_id,
    first_date as day,
    cause as item,
    sum(duration_s) / 3600 as deviation
from ({view})
where first_date >= $first and first_date < $last
group by all
