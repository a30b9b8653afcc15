"""Finds the dataset modules of this package, so that a new one needs no line anywhere else."""

import importlib
import pkgutil
from functools import cache

import assets
from assets.framework.dataset import Dataset


@cache
def datasets() -> tuple[Dataset, ...]:
    """All datasets, in the order of their names."""
    found = []
    for module in pkgutil.iter_modules(assets.__path__, prefix="assets."):
        if not module.ispkg and module.name != __name__:
            found.append(importlib.import_module(module.name).DATASET)
    return tuple(sorted(found, key=lambda dataset: dataset.name))


def daily_datasets() -> tuple[Dataset, ...]:
    """The datasets that are asked for by day."""
    return tuple(dataset for dataset in datasets() if dataset.lateness_days is not None)
