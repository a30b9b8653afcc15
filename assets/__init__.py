"""Datasets of givlake: one module per dataset, each with its dataset in `DATASET`.

A dataset module has everything specific to one endpoint: requests, the JSON of a response, the
columns and key of its tables, and how long its days can change. Code shared by all datasets
is in `assets.framework`; scheduling and running are in `pipelines`.
"""

# Modules of this package that are no datasets.
NOT_DATASETS = (
    "catalogue_entries",
    "catalogue_views",
    "data_dictionary",
    "framework",
    "marts",
    "reconciliation",
    "registry",
)
