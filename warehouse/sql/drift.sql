-- One row per unknown code, new field or changed type in the responses, which are not in the
-- contract.
-- Source: the decoders of all datasets.
select * from read_parquet('{folder}/index/drift/*.parquet', hive_partitioning = false)
