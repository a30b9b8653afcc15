"""Tables: builds from the archive, merging of rows, row versions and Parquet files."""

"""Tables: builds from the archive, merging of rows, row versions and Parquet files."""
