"""One catalogue of several accounts: the views of each, and all of them united with `account`.

A file of views as the catalogue of a data folder is, which names the folders by their absolute
paths. Each account has a schema with its own views, so that no mart joins rows of two accounts; the
views of the same names in the schema `main` unite them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import duckdb

from warehouse.attached_database import attached, quoted
from warehouse.catalogue_location import root_of
from warehouse.connection import STATEMENTS, recorded, write_views
from warehouse.errors import StoreError
from warehouse.storage.atomic_files import explained, fsync_file
from warehouse.storage.atomic_files import publish as publish_file
from warehouse.storage.layout import STORE_FILE

# The column that says whose row it is, and what a table's own of that name is called instead.
ACCOUNT, ACCOUNT_KEY = "account", "account_key"
OVERVIEW = "united_accounts"
_BUILD = "run givlake --account {} build"
_CHECK = "run givlake --account {} check --repair"
# Says of a data folder how its own file was opened, which is not open here.
_LEFT_OUT = ("where_am_i",)
# A macro that is given the name of a view would look for it among the united ones.
_TAKES_A_NAME = "query_table("
_VIEW = re.compile(r'CREATE OR REPLACE VIEW "(\w+)"')
_MACRO = re.compile(r'CREATE OR REPLACE MACRO "(\w+)"\((.*?)\) AS TABLE ')
_COMMENT = re.compile(r'COMMENT ON (?:VIEW|COLUMN|MACRO TABLE) "(\w+)"(?:\."(\w+)")?')


@dataclass(frozen=True, slots=True)
class AccountViews:
    """The views and macros of an account.

    Attributes:
        name: The account's name.
        folder: Its data folder.
        empty: The SQL that creates each view without rows, by the view's name.
        macros: The SQL that creates each macro, by its name.
        views: The SQL that creates each view, in an order in which they can be created.
        comments: The descriptions.
    """

    name: str
    folder: Path
    empty: dict[str, str] = field(default_factory=dict)
    macros: dict[str, str] = field(default_factory=dict)
    views: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    @property
    def schema(self) -> str:
        """Its schema, which no account's name can make one of DuckDB's own, as `main` is."""
        return f'"{schema_of(self.name)}"'

    def united(self, source: str, view: str | None = None) -> str:
        """Return the SELECT of its rows of a view or macro in a united one."""
        has_own = view is not None and f'AS "{ACCOUNT}"' in self.empty[view]
        rename = f' RENAME ("{ACCOUNT}" AS "{ACCOUNT_KEY}")' if has_own else ""
        return f"SELECT '{self.name}' AS \"{ACCOUNT}\", *{rename} FROM {self.schema}.{source}"


def schema_of(name: str) -> str:
    """Return the schema of an account's own views."""
    return f"account_{name}"


def read_views(name: str, folder: Path) -> AccountViews | None:
    """Return the views of an account as its data folder has published them; None without data.

    Args:
        name: The account's name.
        folder: The data folder.

    Raises:
        StoreError: The folder cannot be read, has no views, or was moved since.
    """
    folder = folder.resolve()
    try:
        if not (folder / STORE_FILE).exists():
            return None
        record = recorded(folder / STATEMENTS)
    except OSError as error:
        raise StoreError(f"{folder} cannot be read ({error.strerror})") from error
    if not record.get("statements"):
        raise StoreError(f"there is no catalogue in {folder}: {_BUILD.format(name)}")
    if record["folder"] not in (str(folder), root_of(folder)):
        raise StoreError(
            f"{folder} was moved or copied from {record['folder']}: {_BUILD.format(name)}"
        )
    account = AccountViews(name, folder)
    for statement in record["statements"]:
        if (view := _VIEW.match(statement)) is not None:
            # Each is created without rows first: see `warehouse.catalogue.view_statements`.
            if view[1] in account.empty:
                account.views.append(statement)
            else:
                account.empty[view[1]] = statement
        elif (macro := _MACRO.match(statement)) is not None:
            account.macros[macro[1]] = statement
        else:
            account.comments.append(statement)
    return account


def write_united(target: Path, accounts: Sequence[AccountViews]) -> dict[str, StoreError]:
    """Write the catalogue of several accounts, in place of an earlier one in one step.

    Returns:
        Why an account is not in it, by its name: a view of it cannot be created.

    Raises:
        StoreError: The disk is full or not writable, or no account has views that can be created.
    """
    # Its name is that of the database while it is written; another process may do the same.
    temporary = target.with_name(f".{target.stem}-{os.getpid()}{target.suffix}")
    try:
        with explained("Writing", target):
            damaged = _write_usable(temporary, accounts)
            fsync_file(temporary)
            temporary.chmod(0o600)
            publish_file(temporary, target)
            # A client that had the old file open for writing may have left one.
            target.with_name(f"{target.name}.wal").unlink(missing_ok=True)
    finally:
        temporary.unlink(missing_ok=True)
    return damaged


def united_in(file: Path) -> set[str]:
    """Return the accounts that such a catalogue unites."""
    with attached(file) as connection:
        rows = connection.execute(f'SELECT "{ACCOUNT}" FROM "{OVERVIEW}"').fetchall()
    return {name for (name,) in rows}


def _write_usable(file: Path, accounts: Sequence[AccountViews]) -> dict[str, StoreError]:
    """Write the views of all accounts, or of those of which each alone can be written."""
    damaged: dict[str, StoreError] = {}
    try:
        write_views(file, [*_statements(file.stem, accounts)])
    except duckdb.Error as error:
        for account in accounts:
            try:
                write_views(file, [*_statements(file.stem, [account])])
            except duckdb.Error as reason:
                # What DuckDB says has several lines.
                said = str(reason).splitlines()[0]
                damaged[account.name] = StoreError(f"{said}: {_CHECK.format(account.name)}")
        usable = [account for account in accounts if account.name not in damaged]
        if not damaged or not usable:
            raise next(iter(damaged.values()), StoreError(str(error))) from error
        write_views(file, [*_statements(file.stem, usable)])
    return damaged


def is_united_catalogue(file: Path) -> bool:
    """Return whether a file is such a catalogue and has nothing else in it.

    Raises:
        StoreError: Another program has it open for writing.
    """
    try:
        with attached(file) as connection:
            found = connection.execute(
                "SELECT count(*) FROM duckdb_views() WHERE database_name = current_database()"
                " AND view_name = $1 AND NOT EXISTS (FROM duckdb_tables()"
                " WHERE database_name = current_database())",
                [OVERVIEW],
            ).fetchone()
    except duckdb.Error as error:
        if "lock" in str(error).lower():
            raise StoreError(
                f"{file} is open for writing in another program: close it, or open it read-only"
            ) from error
        return False
    return found is not None and found[0] == 1


def _statements(database: str, accounts: Sequence[AccountViews]) -> Iterator[str]:
    """Yield the SQL of the file; views are united while they read nothing, which takes no time."""
    for account in accounts:
        yield f"CREATE SCHEMA {account.schema}"
        yield f'USE "{database}".{account.schema}'
        yield from account.empty.values()
    yield f'USE "{database}"."main"'
    views = _names(account.empty for account in accounts)
    for name in views:
        if name not in _LEFT_OUT:
            parts = (each.united(f'"{name}"', name) for each in accounts if name in each.empty)
            yield f'CREATE VIEW "{name}" AS {_union(parts)}'
    yield from _overview(accounts)
    for account in accounts:
        yield f'USE "{database}".{account.schema}'
        yield from (_qualified(macro, account) for macro in account.macros.values())
        yield from account.views
    yield f'USE "{database}"."main"'
    yield from _united_macros(accounts)
    yield from _comments(accounts, views)


def _overview(accounts: Sequence[AccountViews]) -> Iterator[str]:
    rows = ", ".join(
        f"('{each.name}', '{quoted(each.folder)}', '{each.schema}')" for each in accounts
    )
    columns = {
        ACCOUNT: "Name of the account",
        "data_folder": "Folder that its views read",
        "views_in": "Schema with the views of this account alone, in quotes as SQL needs it",
    }
    yield f'CREATE VIEW "{OVERVIEW}" AS FROM (VALUES {rows}) AS accounts({", ".join(columns)})'
    yield f"COMMENT ON VIEW \"{OVERVIEW}\" IS 'The accounts that this file unites.'"
    for name, text in columns.items():
        yield f'COMMENT ON COLUMN "{OVERVIEW}"."{name}" IS \'{text}\''


def _qualified(macro: str, account: AccountViews) -> str:
    """Name the schema of the views that a macro reads.

    Unlike a view, it would look for them where its caller looks: among the united ones.
    """
    names = "|".join(account.empty)
    return re.sub(rf"\b(from|join)\s+({names})\b", rf'\1 {account.schema}."\2"', macro)


def _united_macros(accounts: Sequence[AccountViews]) -> Iterator[str]:
    for name in _names(account.macros for account in accounts):
        having = [each for each in accounts if name in each.macros]
        newest = having[-1].macros[name]
        if _TAKES_A_NAME in newest:
            continue
        found = _MACRO.match(newest)
        declared = found[2] if found else ""
        given = ", ".join(each.partition(":=")[0].strip() for each in declared.split(","))
        parts = (each.united(f'"{name}"({given})') for each in having)
        yield f'CREATE MACRO "{name}"({declared}) AS TABLE {_union(parts)}'


def _comments(accounts: Sequence[AccountViews], views: Sequence[str]) -> Iterator[str]:
    """Yield the descriptions of the united views and macros, each once."""
    described: dict[str, str] = {}
    for account in accounts:
        for comment in account.comments:
            found = _COMMENT.match(comment)
            if found is None or found[1] in _LEFT_OUT:
                continue
            if _is_left_out_macro(found[1], account):
                continue
            start = found[0]
            if found[2] == ACCOUNT:
                renamed = start.replace(f'"{ACCOUNT}"', f'"{ACCOUNT_KEY}"')
                comment = comment.replace(start, renamed, 1)
            described[start] = comment
    yield from described.values()
    for name in views:
        if name not in _LEFT_OUT:
            yield f'COMMENT ON COLUMN "{name}"."{ACCOUNT}" IS \'Name of the account\''


def _is_left_out_macro(name: str, account: AccountViews) -> bool:
    return _TAKES_A_NAME in account.macros.get(name, "")


def _union(selects: Iterator[str]) -> str:
    return "\nUNION ALL BY NAME ".join(selects)


def _names(groups: Iterator[Mapping[str, str]]) -> list[str]:
    return [*dict.fromkeys(chain.from_iterable(groups))]
