"""What all datasets share: schema, decoding, planning, collecting and the Dagster assets.

Nothing in here names an endpoint, a table or a column of one dataset.
"""
