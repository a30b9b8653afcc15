-- One row per archived response that is not in the tables yet, without its body.
-- Source: the index of requests, and the watermarks of the tables.
select requests.*
from read_parquet('{folder}/index/requests/*.parquet', hive_partitioning = false) as requests
left join
    read_parquet('{folder}/index/watermarks/*.parquet', hive_partitioning = false) as watermarks
    on requests.dataset = watermarks.dataset
where outcome = 'ok' and segment > coalesce(built_to_segment, 0)
