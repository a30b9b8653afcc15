"""The data folder that the dashboard reads: opened once, and again when its data have changed.

It is opened again beside the one that is read, which goes on until the new one has the same marts
in memory: these take seconds, and nobody should wait for them at each change.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from assets.catalogue_views import derived_views
from assets.framework.contract.devices import local_day
from givenergy.server_clock import utc_now
from pipelines.account_zone import zone_of
from pipelines.clock_state import restore_stored_clock
from pipelines.dashboard.account_summary import Account, read_account
from pipelines.dashboard.kept_marts import KeptMarts
from pipelines.dashboard.scope import DashboardDevice, ScopeError
from pipelines.open_folder import open_for_reading, stored_state, stored_zone
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from pipelines.tariffs.tariff_store import stored_currency
from warehouse.connection import connect
from warehouse.errors import StoreError, WarehouseError
from warehouse.read_only import ReadOnlyLake

# What is written anew when data have changed.
_CATALOGUE = ("index/catalogue.json", "warehouse.duckdb")
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


class StoppedError(StoreError):
    """The folder was closed for good."""


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
        catalogue_version: Names the state of the catalogue.
    """

    lake: ReadOnlyLake
    connection: duckdb.DuckDBPyConnection | None
    kept: KeptMarts | None
    account: Account
    currency: str
    data_version: str
    catalogue_version: str

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

    def use_like(self, other: OpenFolder) -> None:
        """Copy the marts into memory that another one has of the device that it used last."""
        shown = None if other.kept is None else other.kept.used_last()
        if shown is not None:
            of, names = shown
            if (device := self.account.device(of)) is not None:
                self.use(device, names)

    def interrupt(self) -> None:
        """End what is being read with an error."""
        if self.connection is not None:
            with suppress(duckdb.Error):
                self.connection.interrupt()


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
        self._next: OpenFolder | None = None
        self._renewal: threading.Thread | None = None
        self._looked_at = self._opened_at = float("-inf")
        self._stored: Mapping[str, Any] = {}
        self._is_closed = False

    @contextmanager
    def reading(self) -> Iterator[OpenFolder]:
        """Yield the folder; others wait meanwhile. If its data have changed it is renewed soon.

        Raises:
            SettingsError: The setting is no valid folder.
            WarehouseError: The folder cannot be used.
        """
        with self._lock:
            opened = self._current()
            # Whatever else has corrected the clock of this process since the last look.
            restore_stored_clock(self._stored)
            yield opened

    def reopen(self) -> None:
        """Open the folder again before it is read next."""
        with self._lock:
            self._close()

    def close(self) -> None:
        """Close the folder for good; what is being read ends with an error."""
        self._is_closed = True
        for opened in (self._open, self._next):
            if opened is not None:
                opened.interrupt()
        if self._renewal is not None:
            self._renewal.join()
        with self._lock:
            self._close()

    def _current(self) -> OpenFolder:
        if self._is_closed:
            raise StoppedError("the dashboard is being stopped")
        now = time.monotonic()
        if self._open is None:
            self._open, self._stack = self._opened()
            self._looked_at = self._opened_at = time.monotonic()
        elif self._renewal is None and now - max(self._looked_at, self._opened_at) >= _LOOK_EVERY_S:
            self._looked_at = now
            is_due = now - self._opened_at >= self._reopen_every_s
            if is_due and self._version() != self._open.data_version:
                if self._open.catalogue_version == _catalogue_version(self.settings.data):
                    self._renewal = threading.Thread(
                        target=self._renew, args=[self._open], name="renewal"
                    )
                    self._renewal.start()
                else:
                    # An open catalogue would be used again, with its views of before.
                    self._close()
                    self._open, self._stack = self._opened()
                    self._opened_at = time.monotonic()
        return self._open

    def _renew(self, old: OpenFolder) -> None:
        """Open the folder while the old one is still read, and put it in its place."""
        stack = ExitStack()
        try:
            self._next, stack = self._opened()
            if not self._is_closed:
                self._next.use_like(old)
        except (WarehouseError, SettingsError, ScopeError, duckdb.Error) as error:
            # The next look tries again; who reads meanwhile gets the error if it lasts.
            _LOG.info("%s", error)
            stack.close()
            self._next = None
        with self._lock:
            if self._next is not None and self._open is old and not self._is_closed:
                self._close()
                self._open, self._stack = self._next, stack
            else:
                stack.close()
            self._next = self._renewal = None
            self._opened_at = time.monotonic()

    def _opened(self) -> tuple[OpenFolder, ExitStack]:
        settings = self.settings
        version, views = self._version(), _catalogue_version(settings.data)
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
            opened = OpenFolder(lake, connection, kept, account, currency, version, views)
            return opened, stack.pop_all()

    def _version(self) -> str:
        self._stored = stored = stored_state(self.settings)
        # Before the folder is opened too, so that its version then is that of later looks.
        restore_stored_clock(stored)
        today = local_day(utc_now(), zone_of(self.settings, stored))
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
    return _version_of(folder, _CHANGING, f"{today}\n")


def _catalogue_version(folder: Path) -> str:
    return _version_of(folder, _CATALOGUE)


def _version_of(folder: Path, patterns: Sequence[str], more: str = "") -> str:
    digest = hashlib.sha256(more.encode())
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            try:
                found = path.stat()
            except OSError:
                continue  # replaced just now
            digest.update(f"{path.name} {found.st_mtime_ns} {found.st_size}\n".encode())
    return digest.hexdigest()[:16]
