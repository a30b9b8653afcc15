-- Times and responses of the rows of a page, newest first.
select {time} as time, response_id
from {table}
where {device} = $device
order by {time} desc
limit $size
offset $skipped
