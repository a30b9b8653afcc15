"""Discover the dataset modules of this package, so that a new one is registered nowhere else."""

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


@cache
def datasets() -> tuple[Dataset, ...]:
    """Return all datasets in the order of their names."""
    result = []
    for module in pkgutil.iter_modules(assets.__path__):
        if module.name not in assets.NOT_DATASETS:
            dataset = getattr(importlib.import_module(f"assets.{module.name}"), "DATASET", None)
            if dataset is not None:
                result.append(dataset)
    return tuple(sorted(result, key=lambda dataset: dataset.name))


def daily_datasets() -> tuple[DailyDataset, ...]:
    """Return the datasets requested by day."""
    return tuple(dataset for dataset in datasets() if isinstance(dataset, DailyDataset))


def snapshot_datasets() -> tuple[SnapshotDataset, ...]:
    """Return the snapshot datasets, most urgent first."""
    result = (dataset for dataset in datasets() if isinstance(dataset, SnapshotDataset))
    return tuple(sorted(result, key=lambda dataset: (dataset.urgency, dataset.name)))


def device_lists() -> tuple[DeviceList, ...]:
    """Return the device lists."""
    return tuple(dataset for dataset in snapshot_datasets() if isinstance(dataset, DeviceList))


def without_devices(dataset: str, body: bytes, device_ids: Collection[str]) -> bytes | None:
    """Return an archived device list without some devices; None for any other dataset."""
    for device_list in device_lists():
        if device_list.name == dataset:
            return device_list.without(body, device_ids)
    return None
