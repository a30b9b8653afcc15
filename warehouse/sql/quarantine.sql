-- One row per row of a response that is in no table, and per failed check; a row that later
-- responses contain too is counted in times_seen.
-- Source: the decoders of all datasets.
select * from read_parquet('{folder}/index/quarantine/**/*.parquet', hive_partitioning = false)
