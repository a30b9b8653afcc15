SELECT {columns} FROM read_parquet('{folder}/index/superseded/{table}/**/*.parquet', hive_partitioning = false)
WHERE NOT stands
