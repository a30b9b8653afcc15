"""Finds the dataset modules of this package, so that a new one needs no line anywhere else."""

import importlib
import pkgutil
from collections.abc import Collection
from functools import cache

import assets
from assets.framework import (
    DailyDataset,
    Dataset,
    DeviceList,
    SnapshotDataset,
)

_NOT_DATASETS = ("assets.framework", "assets.reconciliation", __name__)


@cache
def datasets() -> tuple[Dataset, ...]:
    """All datasets, in the order of their names."""
    found = []
    for module in pkgutil.iter_modules(assets.__path__, prefix="assets."):
        if module.name not in _NOT_DATASETS:
            dataset = getattr(importlib.import_module(module.name), "DATASET", None)
            if dataset is not None:
                found.append(dataset)
    return tuple(sorted(found, key=lambda dataset: dataset.name))


def daily_datasets() -> tuple[DailyDataset, ...]:
    """The datasets that are asked for by day."""
    return tuple(dataset for dataset in datasets() if isinstance(dataset, DailyDataset))


def snapshot_datasets() -> tuple[SnapshotDataset, ...]:
    """The datasets that are asked for as they stand now, what is most urgent first."""
    found = (dataset for dataset in datasets() if isinstance(dataset, SnapshotDataset))
    return tuple(sorted(found, key=lambda dataset: (dataset.urgency, dataset.name)))


def device_lists() -> tuple[DeviceList, ...]:
    """The datasets that say which devices there are."""
    return tuple(dataset for dataset in snapshot_datasets() if isinstance(dataset, DeviceList))


def without_devices(dataset: str, body: bytes, device_ids: Collection[str]) -> bytes | None:
    """Take devices out of an archived list of devices; None for any other dataset."""
    for device_list in device_lists():
        if device_list.name == dataset:
            return device_list.without(body, device_ids)
    return None
