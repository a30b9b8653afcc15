-- One row per thing in the responses that the contract does not know: unknown codes, new fields,
-- changed types.
-- Source: the decoders of all datasets.
SELECT * FROM read_parquet('{folder}/index/drift/*.parquet', hive_partitioning = false)
