select {columns}
from read_parquet('{folder}/index/superseded/{table}/**/*.parquet', hive_partitioning = false)
where not stands
