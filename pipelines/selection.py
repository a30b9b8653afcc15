"""Which datasets run: all of them, unless GIVLAKE_DATASETS names some, or some that do not."""

from collections.abc import Sequence

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.contract.dataset import DailyDataset, Dataset, DeviceList, SnapshotDataset
from assets.registry import daily_datasets, datasets, device_lists, snapshot_datasets
from pipelines.settings import Settings, SettingsError


class UnknownDatasetError(Exception):
    """A dataset that was asked for does not exist."""


def selected(settings: Settings) -> tuple[Dataset, ...]:
    """Give the datasets that run; the list of communication devices always does.

    Raises:
        SettingsError: if the setting names one that does not exist.
    """
    left_out = [name.removeprefix("-") for name in settings.datasets if name.startswith("-")]
    names = [name for name in settings.datasets if not name.startswith("-")]
    try:
        chosen = named(names) if names else datasets()
        unwanted = named(left_out)
    except UnknownDatasetError as error:
        raise SettingsError(f"GIVLAKE_DATASETS cannot be used: {error}") from error
    # In the order of the registry, as a person would read it.
    running = {*chosen} - {*unwanted} | {COMMUNICATION_DEVICES}
    return tuple(dataset for dataset in datasets() if dataset in running)


def named(names: Sequence[str]) -> tuple[Dataset, ...]:
    """Find datasets by name.

    Raises:
        UnknownDatasetError: if there is no such dataset.
    """
    known = {dataset.name: dataset for dataset in datasets()}
    for name in names:
        if name not in known:
            raise UnknownDatasetError(
                f"There is no dataset {name!r}: choose from {', '.join(known)}."
            )
    return tuple(known[name] for name in names)


def daily(chosen: Sequence[Dataset]) -> tuple[DailyDataset, ...]:
    """Those of some datasets that are asked for by day."""
    return tuple(dataset for dataset in daily_datasets() if dataset in chosen)


def selected_snapshots(chosen: Sequence[Dataset]) -> tuple[SnapshotDataset, ...]:
    """Those of some datasets that are asked for as they stand now, what is most urgent first."""
    return tuple(dataset for dataset in snapshot_datasets() if dataset in chosen)


def lists_for(chosen: Sequence[Dataset]) -> tuple[DeviceList, ...]:
    """The lists of devices that some datasets need to be asked for, and those among them."""
    kinds = {kind for dataset in chosen for kind in dataset.device_kinds}
    tables = {table.name for dataset in chosen for table in dataset.output_tables}
    return tuple(
        found
        for found in device_lists()
        if found is COMMUNICATION_DEVICES
        or found in chosen
        or (kinds & set(found.kinds) and tables >= set(found.depends_on))
    )
