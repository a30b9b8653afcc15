-- Which days of each device are expected: one row per dataset, device and range.
-- Source: the device lists.
select dataset, device_id, first_date, last_date, zone, last_contact_at
from read_parquet('{folder}/expected_days.parquet', hive_partitioning = false)
