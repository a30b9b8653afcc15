-- Which response each row of a span is from, but of those that are read anyway.
select distinct response_id, {key}
from {table}
where
    {device} = $device
    and {time} between $first and $last
    and not list_contains($taken, response_id)
    and {more}
