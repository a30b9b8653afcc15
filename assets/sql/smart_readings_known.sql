-- Grain: smart device. Time of its newest reading.
select device_uuid, max(time) as newest from smart_device_readings group by device_uuid
