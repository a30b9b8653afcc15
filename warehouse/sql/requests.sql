-- One row per archived response or failed attempt, without its body.
-- Source: the index of requests, built from the archive.
select * from read_parquet('{folder}/index/requests/*.parquet', hive_partitioning = false)
