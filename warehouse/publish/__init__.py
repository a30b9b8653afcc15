"""Delta tables of a data folder's tables and views, for other engines to read."""
