"""Open the data folder that the settings name, for writing or for reading, without a request."""

import errno
import logging
import os
import stat
from typing import Any

from assets.catalogue_views import catalogue_views
from assets.framework.decoding.decoder import decoders
from assets.registry import daily_datasets, datasets
from givenergy.server_clock import utc_now
from pipelines.account_zone import use_zone, zone_of
from pipelines.clock_state import restore_clock
from pipelines.known_devices import expected_of, known_devices, last_discovery
from pipelines.restore_expected_days import restore_expected_days
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from pipelines.tariffs.tariff_store import renew_prices, stored_currency
from warehouse.catalogue import publish
from warehouse.forget import unfinished
from warehouse.index.watermarks import publish_watermarks
from warehouse.lake import EXPECTED_FILE, Lake
from warehouse.read_only import ReadOnlyLake
from warehouse.storage.atomic_files import reason_of
from warehouse.storage.layout import state_file
from warehouse.storage.state_file import read_state
from warehouse.table_repair import repair_tables

_LOG = logging.getLogger(__name__)
ACCOUNT_KEY = "account_key"


def open_lake(settings: Settings, *, repair: bool = True, is_temporary: bool = False) -> Lake:
    """Open the data folder, its catalogue up to date and its tables whole.

    Args:
        settings: Where the data folder is.
        repair: Rebuild tables and expected days that were removed or changed.
        is_temporary: Whether it is removed again, so that its catalogue needs only its tables.

    Raises:
        SettingsError: The folder does not exist and cannot be created.
        WarehouseError: The folder cannot be used.
    """
    try:
        lake = Lake(settings.data)
    except OSError as error:
        why = f"which cannot be used as the data folder ({error.strerror})"
        raise SettingsError(
            f"GIVLAKE_DATA is {str(settings.data)!r}, {why}: use a folder that you can write to."
        ) from error
    restore_clock(lake)
    _warn_of_interrupted_forget(lake)
    publish_watermarks(lake, [dataset.name for dataset in datasets()])
    known = decoders(datasets())
    tables = [table for decoder in known for table in decoder.tables]
    if is_temporary:
        publish(lake, tables, is_temporary=True)
    else:
        publish(lake, tables, catalogue_views(stored_currency(lake.folder)))
    renew_prices(lake, utc_now())
    if repair:
        repair_tables(lake, known)
        if (key := lake.state.get(ACCOUNT_KEY)) is not None and settings.is_zone_set:
            use_zone(lake, settings.zone, [str(key)])
        if lake.expected().num_rows == 0:
            restore_expected_days(lake, zone_of(settings, lake.state.all()))
    return lake


def open_for_reading(settings: Settings) -> ReadOnlyLake:
    """Open the data folder for a command that only reads; nothing in it is changed or created.

    `problems` lists what `open_lake` would repair. A folder that does not exist is empty.

    Args:
        settings: Where the data folder is.

    Raises:
        SettingsError: The setting is no valid folder.
        WarehouseError: The folder cannot be used.
    """
    try:
        if not stat.S_ISDIR(settings.data.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    except FileNotFoundError:
        pass
    except OSError as error:
        reason = reason_of(error, settings.data) or f"{error.strerror}: use another folder"
        raise SettingsError(f"GIVLAKE_DATA is {str(settings.data)!r}: {reason}.") from error
    rules = [dataset.coverage_rule for dataset in daily_datasets()]
    views = catalogue_views(stored_currency(settings.data))
    lake = ReadOnlyLake(settings.data, decoders(datasets()), views, rules)
    restore_clock(lake)
    _warn_of_interrupted_forget(lake)
    if lake.expected().num_rows == 0 and last_discovery(lake) is not None:
        zone = zone_of(settings, lake.state.all())
        expected = expected_of(lake, known_devices(lake), zone)
        if expected.num_rows:
            lake.expect(expected)
            if not any(EXPECTED_FILE in problem for problem in lake.problems):
                lake.problems.append(f"{EXPECTED_FILE} is empty")
    return lake


def _warn_of_interrupted_forget(lake: Lake) -> None:
    if begun := unfinished(lake):
        _LOG.warning(
            "The erasure of %s was interrupted: run the same givlake forget command again",
            ", ".join(begun),
        )


def stored_state(settings: Settings) -> dict[str, Any]:
    """Return what earlier runs stored in the data folder, without creating it."""
    try:
        return dict(read_state(state_file(settings.data)))
    except NotADirectoryError:
        return {}


def stored_zone(settings: Settings) -> str:
    """Return the time zone of the days, without a request."""
    return zone_of(settings, stored_state(settings))


def stored_account(settings: Settings) -> str | None:
    """Return the key of the account that was used last, or None."""
    return stored_state(settings).get(ACCOUNT_KEY)
