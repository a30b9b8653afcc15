"""The data folder that the dashboard reads: opened once, and again when its data have changed."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from assets.catalogue_views import derived_views
from givenergy import utc_now
from pipelines.dashboard.account_summary import Account, read_account
from pipelines.dashboard.kept_marts import KeptMarts
from pipelines.dashboard.scope import DashboardDevice
from pipelines.session_factory import open_for_reading, stored_zone
from pipelines.settings import Settings
from pipelines.tariffs.tariff_store import stored_currency
from warehouse import ReadOnlyLake, WarehouseError, connect
from warehouse.errors import StoreError

# What is written anew when data have changed.
_CHANGING = (
    "expected_days.parquet",
    "state.json",
    "index/catalogue.json",
    "index/coverage/*",
    "index/*.parquet",
    "index/manifests/*",
    "owner/*.parquet",
)
_LOOK_EVERY_S = 1.0
# While ingestion writes, data change every few seconds.
_REOPEN_EVERY_S = 15.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """The data folder as it was when it was opened.

    Attributes:
        lake: The folder.
        connection: The catalogue; None if there is none yet.
        kept: The marts in memory; None without a catalogue.
        account: What the account has.
        currency: ISO code of the currency of the tariffs.
        data_version: Names the state of the data.
    """

    lake: ReadOnlyLake
    connection: duckdb.DuckDBPyConnection | None
    kept: KeptMarts | None
    account: Account
    currency: str
    data_version: str

    def use(self, device: DashboardDevice, names: tuple[str, ...]) -> None:
        """Let queries find the marts of a device in memory.

        Args:
            device: The device.
            names: Marts and tables that a query reads.
        """
        if self.kept is None:
            return
        inverters, site = [device.device], device.device
        for inverter in self.account.inverters:
            if device.kind == "inverter" and inverter.serial == device.device:
                site = inverter.site
        if device.kind == "site":
            inverters = [each.serial for each in self.account.inverters if site in each.sites]
        self.kept.use(device.of, inverters, [*self.account.chargers], site, names)


class FolderReader:
    """Opens the data folder, for one thread at a time."""

    def __init__(self, settings: Settings, *, reopen_every_s: float = _REOPEN_EVERY_S) -> None:
        """Remember where the data folder is; it is opened when something is read.

        Args:
            settings: Where the data folder is.
            reopen_every_s: The least time between two openings because of changed data.
        """
        self.settings = settings
        self._reopen_every_s = reopen_every_s
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._open: OpenFolder | None = None
        self._looked_at = self._opened_at = float("-inf")
        self._is_closed = False

    @contextmanager
    def reading(self) -> Iterator[OpenFolder]:
        """Yield the folder, opened again if its data have changed; others wait meanwhile.

        Raises:
            SettingsError: The setting is no valid folder.
            WarehouseError: The folder cannot be used.
        """
        with self._lock:
            yield self._current()

    def reopen(self) -> None:
        """Open the folder again before it is read next."""
        with self._lock:
            self._close()

    def close(self) -> None:
        """Close the folder for good; what is being read ends with an error."""
        self._is_closed = True
        opened = self._open
        if opened is not None and opened.connection is not None:
            with suppress(duckdb.Error):
                opened.connection.interrupt()
        with self._lock:
            self._close()

    def _current(self) -> OpenFolder:
        if self._is_closed:
            raise StoreError("the dashboard is being stopped")
        now = time.monotonic()
        if self._open is None:
            self._open = self._opened()
            self._looked_at = self._opened_at = time.monotonic()
        elif now - max(self._looked_at, self._opened_at) >= _LOOK_EVERY_S:
            self._looked_at = now
            is_due = now - self._opened_at >= self._reopen_every_s
            if is_due and self._version() != self._open.data_version:
                self._close()
                self._open = self._opened()
                self._opened_at = time.monotonic()
        return self._open

    def _opened(self) -> OpenFolder:
        settings = self.settings
        version = self._version()
        with ExitStack() as stack:
            lake = stack.enter_context(open_for_reading(settings))
            currency = stored_currency(lake.folder)
            connection, kept, account = None, None, Account()
            try:
                connection = stack.enter_context(connect(lake))
            except WarehouseError as error:
                # Nothing was published yet.
                _LOG.info("%s", error)
            else:
                connection.execute("SET TimeZone = 'UTC'")
                account = read_account(connection, stored_zone(settings))
                sql = {view.name: view.sql for view in derived_views(currency)}
                kept = KeptMarts(connection, sql)
                stack.callback(kept.close)
            self._stack = stack.pop_all()
        return OpenFolder(lake, connection, kept, account, currency, version)

    def _version(self) -> str:
        today = utc_now().astimezone(ZoneInfo(stored_zone(self.settings))).date()
        return data_version(self.settings.data, today)

    def _close(self) -> None:
        self._open = None
        stack, self._stack = self._stack, ExitStack()
        stack.close()


def data_version(folder: Path, today: date) -> str:
    """Return a name of the state of the data in a folder, which changes when they do.

    Args:
        folder: The data folder.
        today: The local day, with which the days that are expected change.
    """
    digest = hashlib.sha256(f"{today}\n".encode())
    for pattern in _CHANGING:
        for path in sorted(folder.glob(pattern)):
            try:
                found = path.stat()
            except OSError:
                continue  # replaced just now
            digest.update(f"{path.name} {found.st_mtime_ns} {found.st_size}\n".encode())
    return digest.hexdigest()[:16]
