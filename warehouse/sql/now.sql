SELECT {columns} FROM read_parquet('{folder}/tables/{table}/**/*.parquet', hive_partitioning = false)
WHERE valid_to IS NULL
