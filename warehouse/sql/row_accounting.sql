-- One row per response that was built into tables: rows_in = new + identical + superseding
-- + superseded + quarantined.
-- Source: the builds of all datasets.
select * from read_parquet('{folder}/index/row_accounting/**/*.parquet', hive_partitioning = false)
