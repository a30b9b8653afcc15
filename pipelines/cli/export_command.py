"""`givlake export`: write tables or response bodies to standalone files."""

from datetime import date
from pathlib import Path

import click

from assets.catalogue_views import derived_views, without_readers
from assets.data_dictionary import dictionary
from assets.framework.contract.dataset import Dataset
from assets.framework.decoding.decoder import decoders
from assets.registry import daily_datasets
from givenergy.server_clock import utc_now
from pipelines.cli.common import (
    EXIT_INCOMPLETE,
    EXIT_USAGE,
    KnownError,
    check_order,
    console,
    opened_for_reading,
    plural,
)
from pipelines.cli.context import pass_settings
from pipelines.cli.days import FIRST_DAY, LAST_DAY
from pipelines.cli.stored_device_names import stored_device_names
from pipelines.cli.verify_command import chosen_datasets
from pipelines.device_columns import device_columns
from pipelines.device_lookup import resolve_devices
from pipelines.home_assistant import GUIDE, export_statistics
from pipelines.pending_builds import describe_pending
from pipelines.settings import Settings
from pipelines.tariffs.tariff_store import stored_currency
from warehouse import owner_inputs
from warehouse.connection import connect, retrying
from warehouse.export import ExportLayout, export_bodies, export_tables
from warehouse.interface.device_limit import DeviceLimit
from warehouse.read_only import ReadOnlyLake
from warehouse.verification.canonical_form import Days

_BODIES = "json"
_HOME_ASSISTANT = "home-assistant"
# Views of the catalogue that are written as tables, as they read files of the data folder.
_COPIED_VIEWS = (
    *("coverage", "quarantine", "requests", "pending_responses", "codes"),
    *("expected_days", "findings", "row_accounting"),
    *owner_inputs.SCHEMAS,
)


@click.command()
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR|FILE",
    help="A folder; for duckdb also a file that ends in .duckdb.",
)
@click.option(
    "--format",
    "layout",
    type=click.Choice([*(layout.value for layout in ExportLayout), _BODIES, _HOME_ASSISTANT]),
    default=ExportLayout.PARQUET.value,
    show_default=True,
    help="json: archived response bodies, by device and day. home-assistant: hourly statistics"
    " of its energy dashboard.",
)
@click.option("--dataset", "names", multiple=True, metavar="NAME", help="Only this dataset.")
@click.option(
    "--device",
    "device_names_wanted",
    multiple=True,
    metavar="NAME",
    help="Only this device, by serial number, UUID or alias; may be repeated.",
)
@click.option("--start", type=FIRST_DAY, help="First day, such as 2025-06-01, 2025-06 or -30d.")
@click.option("--end", type=LAST_DAY, help="Last day.")
@click.option(
    "--with-days",
    is_flag=True,
    help="For home-assistant: put days known only from counters into their last full hour.",
)
@click.option(
    "--overwrite", "--again", "overwrite", is_flag=True, help="Replace an earlier export."
)
@pass_settings
def export(
    settings: Settings,
    target: Path,
    layout: str,
    names: tuple[str, ...],
    device_names_wanted: tuple[str, ...],
    start: date | None,
    end: date | None,
    with_days: bool,
    overwrite: bool,
) -> None:
    """Write the history to standalone files.

    The export includes checksums and a data dictionary.
    """
    chosen = chosen_datasets(names)
    check_order(start, end)
    _check_home_assistant(layout, names, with_days=with_days)
    days = Days(start, end)
    not_built = None
    with opened_for_reading(settings) as lake:
        devices = _device_limit(lake, device_names_wanted)
        if layout == _BODIES:
            report = export_bodies(
                lake,
                [dataset.name for dataset in chosen],
                target,
                dictionary=dictionary(),
                days=days,
                devices=devices,
                overwrite=overwrite,
            )
        elif layout == _HOME_ASSISTANT:
            not_built = describe_pending(lake)
            report = export_statistics(
                lake,
                target,
                now=utc_now(),
                currency=stored_currency(settings.data),
                days=days,
                devices=devices.device_ids,
                with_days=with_days,
                overwrite=overwrite,
            )
        else:
            not_built = describe_pending(lake)
            views = derived_views(stored_currency(settings.data))
            if devices.device_ids is not None:
                # A part of a site would look like the whole.
                views = without_readers(views, "site_members")
            report = export_tables(
                lake,
                decoders(chosen),
                target,
                ExportLayout(layout),
                dictionary=dictionary(),
                rules=[dataset.coverage_rule for dataset in daily_datasets()],
                copied_views=_COPIED_VIEWS,
                views=views,
                days=days,
                devices=devices,
                overwrite=overwrite,
            )
    unit = "response" if layout == _BODIES else "row"
    console().print(
        f"{plural(report.rows, unit)} in {plural(report.files, 'file')} written to {target}."
    )
    if layout == _HOME_ASSISTANT:
        console().print(f"How to import them: {target / GUIDE}")
    elif devices.device_ids is not None:
        console().print(_limits(devices, chosen, layout))
    if not_built is not None:
        console(stderr=True).print(f"Incomplete export: {not_built}")
        raise SystemExit(EXIT_INCOMPLETE)


def _check_home_assistant(layout: str, names: tuple[str, ...], *, with_days: bool) -> None:
    """Refuse options that belong to another format.

    Raises:
        KnownError: One is given.
    """
    if layout == _HOME_ASSISTANT and names:
        raise KnownError(
            f"--format {_HOME_ASSISTANT} is made of several datasets: leave out --dataset.",
            EXIT_USAGE,
        )
    if layout != _HOME_ASSISTANT and with_days:
        raise KnownError(f"--with-days needs --format {_HOME_ASSISTANT}.", EXIT_USAGE)


def _device_limit(lake: ReadOnlyLake, wanted: tuple[str, ...]) -> DeviceLimit:
    """Return the devices to export, and the columns that name a row's device.

    Raises:
        UnknownDeviceError: No device or several devices have a name.
    """
    if not wanted:
        return DeviceLimit()
    with connect(lake) as connection:
        device_ids = resolve_devices(wanted, retrying(lambda: stored_device_names(connection)))
    return DeviceLimit(tuple(device_ids), device_columns())


def _limits(devices: DeviceLimit, chosen: tuple[Dataset, ...], layout: str) -> str:
    """Say what an export of some devices has, and what it lacks."""
    limited = f"Limited to {', '.join(devices.device_ids or ())}"
    if layout == _BODIES:
        return f"{limited}: without the lists of the account, which name other devices."
    tables = [table.name for dataset in chosen for table in dataset.output_tables]
    whole = [name for name in tables if name not in devices.columns]
    account = f" Whole, as they are about the account: {', '.join(whole)}." if whole else ""
    return (
        f"{limited}; coverage, requests and quarantine are without the lists of the account."
        f"{account}"
    )
