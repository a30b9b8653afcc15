"""The selection of datasets: the usual ones unless GIVLAKE_DATASETS names, adds or leaves out some.

What is about people (`on_request`) is not usual.
"""

from collections.abc import Collection, Iterable, Sequence

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.contract.dataset import DailyDataset, Dataset, DeviceList, SnapshotDataset
from assets.framework.contract.device_asking import DeviceAskingDataset
from assets.registry import daily_datasets, datasets, device_lists, snapshot_datasets
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from pipelines.suggestions import did_you_mean


class UnknownDatasetError(Exception):
    """A dataset that was named does not exist."""


def selected(settings: Settings) -> tuple[Dataset, ...]:
    """Return the datasets that the settings select; communication devices are always included.

    Raises:
        SettingsError: The setting names a dataset that does not exist, or is off.
    """
    signs: dict[str, list[str]] = {"": [], "+": [], "-": []}
    for name in settings.datasets:
        sign = name[:1] if name[:1] in signs else ""
        signs[sign].append(name.removeprefix(sign))
    try:
        chosen, added, excluded = (named(names) for names in signs.values())
    except UnknownDatasetError as error:
        raise SettingsError(f"GIVLAKE_DATASETS is not valid: {error}") from error
    _check_on(settings, (*chosen, *added))
    if not chosen:
        chosen = tuple(dataset for dataset in datasets() if not dataset.on_request)
    included = {*chosen, *added} - {*excluded} | {COMMUNICATION_DEVICES}
    if settings.read_settings is None:
        included = {each for each in included if not isinstance(each, DeviceAskingDataset)}
    return _with_definitions(included)


def chosen_by_name(settings: Settings, names: Sequence[str]) -> tuple[Dataset, ...]:
    """Return datasets by name, to request them.

    Raises:
        UnknownDatasetError: There is no such dataset.
        SettingsError: A dataset is off.
    """
    chosen = named(names)
    _check_on(settings, chosen)
    return _with_definitions(chosen)


def _check_on(settings: Settings, chosen: Iterable[Dataset]) -> None:
    for dataset in chosen:
        if isinstance(dataset, DeviceAskingDataset) and settings.read_settings is None:
            raise SettingsError(
                f"{dataset.name} is off, because it asks the inverters themselves: set"
                " GIVLAKE_READ_SETTINGS=weekly or daily to read the values of their settings, or do"
                " not name it."
            )


def _with_definitions(chosen: Collection[Dataset]) -> tuple[Dataset, ...]:
    """Add the datasets that say what can be asked of devices."""
    needed = {
        table
        for dataset in chosen
        if isinstance(dataset, DeviceAskingDataset)
        for table in dataset.depends_on
    }
    return tuple(
        dataset
        for dataset in datasets()
        if dataset in chosen or needed & {table.name for table in dataset.output_tables}
    )


def named(names: Sequence[str]) -> tuple[Dataset, ...]:
    """Return datasets by name.

    Raises:
        UnknownDatasetError: There is no such dataset.
    """
    known = {dataset.name: dataset for dataset in datasets()}
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            advice = f". {hint}" if hint else f": choose from {', '.join(known)}."
            raise UnknownDatasetError(f"Unknown dataset {name!r}{advice}")
    return tuple(known[name] for name in names)


def daily(chosen: Sequence[Dataset]) -> tuple[DailyDataset, ...]:
    """Return the daily datasets among some datasets."""
    return tuple(dataset for dataset in daily_datasets() if dataset in chosen)


def selected_snapshots(chosen: Sequence[Dataset]) -> tuple[SnapshotDataset, ...]:
    """Return the snapshot datasets among some datasets, the most urgent first."""
    return tuple(dataset for dataset in snapshot_datasets() if dataset in chosen)


def lists_for(chosen: Sequence[Dataset]) -> tuple[DeviceList, ...]:
    """Return the device lists that some datasets need, and those among the datasets."""
    kinds = {kind for dataset in chosen for kind in dataset.device_kinds}
    tables = {table.name for dataset in chosen for table in dataset.output_tables}
    return tuple(
        device_list
        for device_list in device_lists()
        if device_list is COMMUNICATION_DEVICES
        or device_list in chosen
        or (kinds & set(device_list.kinds) and tables >= set(device_list.depends_on))
    )
