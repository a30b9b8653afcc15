"""Erase a device or an account from the whole data folder.

This module handles Dagster's state, the request budget and the settings; `warehouse` handles the
stores.
"""

import secrets
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from assets.framework.decoding.decoder import decoders
from assets.registry import datasets, without_devices
from pipelines.account_budget import forget_in_budget
from pipelines.database_errors import DagsterDatabaseError
from pipelines.erase_database import erase_from_database
from pipelines.folder_account import STATE as IDENTITIES
from pipelines.instance import dagster_yaml, use_dagster_home
from pipelines.instance_settings import is_in_postgres
from pipelines.known_devices import known_devices
from pipelines.local_reader.reader_lock import without_reader
from pipelines.open_folder import ACCOUNT_KEY, open_lake
from pipelines.pending_builds import build_all_pending
from pipelines.publish_erasure import erase_published
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from warehouse.accounting.finding_store import erase_findings
from warehouse.forget import ForgetReport, forget, is_known, pattern_of
from warehouse.lake import Lake
from warehouse.publish.published_targets import STATE as PUBLISHED_TO
from warehouse.storage.atomic_files import write_atomically

_LOG_SUFFIXES = frozenset({".out", ".err"})
_SQLITE_HEADER = b"SQLite format 3"
_LOCK_TIMEOUT_S = 60.0


def erase_devices(
    settings: Settings, device_ids: Sequence[str], account: str | None
) -> ForgetReport:
    """Remove devices, or an account with its devices, from the whole data folder.

    If it is interrupted, the same call finishes it.

    Raises:
        DagsterDatabaseError: PostgreSQL, if it keeps Dagster's state, refuses.
        SettingsError: One of them is unknown, or a file stays in use for a minute.
        WarehouseError: The stores cannot be changed.
    """
    accounts = [account] if account is not None else []
    with open_lake(settings) as lake, without_reader(lake, settings):
        build_all_pending(lake)
        known_before = _known_device_ids(lake)
        for name in (*device_ids, *accounts):
            if name not in known_before and not is_known(lake, name):
                raise SettingsError(
                    f"No data of {name!r} are stored. List devices and accounts with: givlake query"
                    ' "SELECT DISTINCT device_id, account FROM requests"'
                )

        def erase_elsewhere(names: Collection[str]) -> Sequence[str]:
            lost = known_before - _known_device_ids(lake, stored=False) if accounts else set()
            forget_in_budget(settings, {*names, *lost}, accounts)
            eraser = _NameEraser({*names, *lost})
            home = use_dagster_home(settings)
            for folder in (home, settings.data / "state"):
                for path in sorted(folder.rglob("*")):
                    if path.is_file():  # SQLite may remove a journal in the meantime.
                        eraser.rewrite_file(path, lake.scratch)
            erase_findings(lake)
            away: DagsterDatabaseError | None = None
            if is_in_postgres(dagster_yaml(settings)):
                try:
                    erase_from_database(settings, eraser.placeholders)
                except DagsterDatabaseError as error:
                    away = error  # What was published is erased all the same.
            names_of_account = {ACCOUNT_KEY, IDENTITIES, PUBLISHED_TO}
            if away is None:
                # Else the same call needs them to know the names again.
                for name in lake.state.all().keys() - names_of_account:
                    lake.state.update(name, eraser.erase_from)
            # By these, the same call finds what was published if a target is away.
            targets = erase_published(settings, lake)
            if away is not None:
                raise away
            for name in lake.state.all().keys() & names_of_account:
                lake.state.update(name, eraser.erase_from)
            return targets

        return forget(
            lake,
            devices=device_ids,
            accounts=accounts,
            decoders=decoders(datasets()),
            rewrite_body=without_devices,
            erase_elsewhere=erase_elsewhere,
        )


def _known_device_ids(lake: Lake, *, stored: bool = True) -> set[str]:
    """Return the devices of the device lists and, if `stored`, those of earlier discoveries."""
    device_ids = {device.device_id for kind in known_devices(lake).values() for device in kind}
    earlier = lake.state.get("known_devices")
    if stored and isinstance(earlier, list):
        device_ids |= {str(device_id) for device_id in earlier}
    return device_ids


class _NameEraser:
    """Erases names from files and values; required texts get a placeholder instead."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = [name.encode() for name in names]
        self._pattern = pattern_of(names)
        # One placeholder per name, so that the keys of a table stay distinct.
        self.placeholders = {name: f"forgotten-{secrets.token_hex(4)}" for name in names}

    def replace_in(self, text: str) -> str:
        """Return a text with placeholders in place of the names."""
        return self._pattern.sub(lambda match: self.placeholders[match[0]], text)

    def erase_from(self, value: object) -> object:
        """Return a JSON value without the names and everything stored under them."""
        if isinstance(value, dict):
            items = {
                key: self.erase_from(item)
                for key, item in value.items()
                if not self._pattern.search(key)
            }
            return {key: item for key, item in items.items() if item is not None}
        if isinstance(value, list):
            return [item for item in map(self.erase_from, value) if item is not None]
        if isinstance(value, str):
            return None if self._pattern.fullmatch(value) else self.replace_in(value)
        return value

    def rewrite_file(self, path: Path, scratch: Path) -> None:
        """Erase the names from a SQLite file or a log; other files stay the same.

        Raises:
            SettingsError: The file stays in use for a minute.
        """
        with path.open("rb") as file:
            is_database = file.read(len(_SQLITE_HEADER)) == _SQLITE_HEADER
        try:
            if is_database:
                self._rewrite_database(path)
            elif path.suffix in _LOG_SUFFIXES:
                old = path.read_text(errors="surrogateescape")
                if (new := self.replace_in(old)) != old:
                    write_atomically(path, new.encode(errors="surrogateescape"), scratch)
        except sqlite3.OperationalError as error:
            raise SettingsError(
                f"{path} cannot be changed ({error}): stop the process that uses it, such as"
                " `givlake ui`, and run the same command again."
            ) from error

    def _rewrite_database(self, path: Path) -> None:
        with closing(sqlite3.connect(path, timeout=_LOCK_TIMEOUT_S)) as connection:
            connection.create_function("erased", 1, self.replace_in, deterministic=True)
            with connection:
                changed = sum(
                    connection.execute(
                        f"UPDATE {table} SET {column} = erased({column})"
                        f" WHERE typeof({column}) = 'text' AND {column} <> erased({column})"
                    ).rowcount
                    for table, column in _columns(connection)
                )
            if changed or self._contains_name(path):
                # Deleted rows stay in the file's free pages until VACUUM rewrites the file.
                connection.execute("PRAGMA temp_store = MEMORY")
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _contains_name(self, database: Path) -> bool:
        files = database.parent.glob(f"{database.name}*")
        content = b"".join(file.read_bytes() for file in files)
        return any(name in content for name in self._names)


def _columns(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    for (table,) in tables:
        for _, column, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
            yield f'"{table}"', f'"{column}"'
