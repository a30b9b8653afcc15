-- The newest data point since a moment.
select time, response_id
from inverter_data_points
where inverter_serial = $device and time > $after
order by time desc
limit 1
