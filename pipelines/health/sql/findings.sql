-- Grain: device, day and item. What a comparison finds to deviate beyond its limits.
select device_id, day::date as day, item, {deviation} as deviation
from ({view})
where not is_within and day::date >= $first and day::date < $last
