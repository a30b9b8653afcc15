select {columns}
from read_parquet('{folder}/tables/{table}/**/*.parquet', hive_partitioning = false)
