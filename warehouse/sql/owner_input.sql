select {columns} from read_parquet('{folder}/owner/{name}.parquet', hive_partitioning = false)
