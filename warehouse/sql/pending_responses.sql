-- One row per archived response that is not in the tables yet, without its body.
-- Source: the index of requests, and the watermarks of the tables.
SELECT requests.*
FROM read_parquet('{folder}/index/requests/*.parquet', hive_partitioning = false) AS requests
LEFT JOIN
    read_parquet('{folder}/index/watermarks/*.parquet', hive_partitioning = false) AS watermarks
    ON requests.dataset = watermarks.dataset
WHERE outcome = 'ok' AND segment > coalesce(built_to_segment, 0)
