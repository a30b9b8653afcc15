"""Forgetting a device or an account in everything that lies in the data folder.

Here are Dagster's state, the request budget's and the settings; the stores forget in `warehouse`.
"""

import os
import secrets
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from assets.framework.decoding.decoder import decoders
from assets.registry import datasets, without_devices
from givenergy import forget_identity
from pipelines.discovery import known_devices
from pipelines.pending_builds import build_all_pending
from pipelines.session_factory import budget_store, open_lake
from pipelines.settings import Settings, SettingsError
from warehouse import ForgetReport, Lake, forget, is_known, pattern_of
from warehouse.storage.atomic_files import write_atomically

_LOGS = frozenset({".out", ".err"})
_SQLITE = b"SQLite format 3"
_LOCKED_PATIENCE_S = 60.0


def erase_devices(
    settings: Settings, device_ids: Sequence[str], account: str | None
) -> ForgetReport:
    """Remove devices, or an account with its devices, from everything in the data folder.

    Interrupted, it is finished by the next call.

    Raises:
        SettingsError: if nothing is known of one of them, or a file is in use for a minute.
        WarehouseError: if the stores cannot be changed.
    """
    accounts = [account] if account is not None else []
    with open_lake(settings) as lake:
        build_all_pending(lake)
        before = _all_known(lake)
        for name in (*device_ids, *accounts):
            if name not in before and not is_known(lake, name):
                raise SettingsError(
                    f"Nothing is stored of {name!r}: name a device or an account as `givlake query"
                    ' "SELECT DISTINCT device_id, account FROM requests"` shows it.'
                )

        def elsewhere(names: Collection[str]) -> None:
            gone = {*names, *(before - _all_known(lake, stored=False) if accounts else ())}
            for key in accounts:
                forget_identity(budget_store(settings), settings.url, key)
            without = _Without(gone)
            for folder in (_dagster_home(settings), settings.data / "state"):
                for path in sorted(folder.rglob("*")):
                    if path.is_file():  # SQLite's journals go while others are worked at
                        without.file(path, lake.scratch)
            for name in lake.state.all():
                lake.state.update(name, without.value)

        return forget(
            lake,
            devices=device_ids,
            accounts=accounts,
            decoders=decoders(datasets()),
            rewrite_body=without_devices,
            elsewhere=elsewhere,
        )


def _all_known(lake: Lake, *, stored: bool = True) -> set[str]:
    """Name every device of the lists, and those that are noted as known."""
    found = {device.device_id for kind in known_devices(lake).values() for device in kind}
    noted = lake.state.get("known_devices")
    return found | ({str(name) for name in noted} if stored and isinstance(noted, list) else set())


def _dagster_home(settings: Settings) -> Path:
    return Path(os.environ.get("DAGSTER_HOME") or settings.data / "dagster")


class _Without:
    """Takes names out of what others keep; where something must stand, it is a made-up name."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = [name.encode() for name in names]
        self._pattern = pattern_of(names)
        # Each another one, so that the keys of a table stay apart.
        self._made_up = {name: f"forgotten-{secrets.token_hex(4)}" for name in names}

    def text(self, text: str) -> str:
        return self._pattern.sub(lambda found: self._made_up[found[0]], text)

    def value(self, value: object) -> object:
        """Leave out of a JSON value whatever is a name or is kept under one."""
        if isinstance(value, dict):
            left = {
                key: self.value(of) for key, of in value.items() if not self._pattern.search(key)
            }
            return {key: of for key, of in left.items() if of is not None}
        if isinstance(value, list):
            return [of for of in map(self.value, value) if of is not None]
        if isinstance(value, str):
            return None if self._pattern.fullmatch(value) else self.text(value)
        return value

    def file(self, path: Path, scratch: Path) -> None:
        """Change a SQLite file, or a log.

        Raises:
            SettingsError: if it is in use for a minute.
        """
        with path.open("rb") as file:
            is_database = file.read(len(_SQLITE)) == _SQLITE
        try:
            if is_database:
                self._database(path)
            elif path.suffix in _LOGS:
                old = path.read_text(errors="surrogateescape")
                if (new := self.text(old)) != old:
                    write_atomically(path, new.encode(errors="surrogateescape"), scratch)
        except sqlite3.OperationalError as error:
            raise SettingsError(
                f"{path} cannot be changed ({error}): stop what uses it, such as `givlake ui`, then"
                " run this again."
            ) from error

    def _database(self, path: Path) -> None:
        with closing(sqlite3.connect(path, timeout=_LOCKED_PATIENCE_S)) as connection:
            connection.create_function("without", 1, self.text, deterministic=True)
            with connection:
                changed = sum(
                    connection.execute(
                        f"UPDATE {table} SET {column} = without({column})"
                        f" WHERE typeof({column}) = 'text' AND {column} <> without({column})"
                    ).rowcount
                    for table, column in _columns(connection)
                )
            if changed or self._is_in_bytes(path):
                # What was deleted before stays in the file's free pages until it is written anew.
                connection.execute("PRAGMA temp_store = MEMORY")
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _is_in_bytes(self, database: Path) -> bool:
        sides = database.parent.glob(f"{database.name}*")
        content = b"".join(side.read_bytes() for side in sides)
        return any(name in content for name in self._names)


def _columns(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    for (table,) in tables:
        for _, column, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
            yield f'"{table}"', f'"{column}"'
