-- Deviations and gaps that the comparisons found: one row per check, device, day and item.
-- Source: the comparisons after each command that changes data.
select * from read_parquet('{folder}/index/findings.parquet', hive_partitioning = false)
