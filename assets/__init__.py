"""What givlake ingests: one module per dataset, each found here by its `DATASET`.

A dataset module holds all that is particular to one endpoint: the requests to make, the shape of
a response, the pandera schema of its table, the key and how long its days stay open. What all
datasets share stands in `assets.framework`; how runs are started stands in `pipelines`.
"""
