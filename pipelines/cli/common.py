"""Shared by the commands: exit status, error messages, tables."""

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from pipelines.named_accounts import account_in_force
from pipelines.recommended_commands import with_account

if TYPE_CHECKING:
    from pipelines.settings import Settings
    from warehouse.read_only import ReadOnlyLake

EXIT_COMPLETE = 0
EXIT_INCOMPLETE = 1
EXIT_USAGE = 2
_FILE_WIDTH = 240
_Error = TypeVar("_Error", bound=BaseException)


class KnownError(Exception):
    """An error that the owner can fix: a message, and the exit status."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status


@contextmanager
def opened_for_reading(
    settings: "Settings",
    *,
    warn_if_empty: bool = True,
    may_be_absent: bool = False,
    account: str | None = None,
) -> Iterator["ReadOnlyLake"]:
    """Open the data folder for a command that only reads; print problems to standard error.

    Args:
        settings: Where the data folder is.
        warn_if_empty: Whether to print a message if the folder is empty.
        may_be_absent: Whether the folder need not exist, because the command works without it.
        account: The account that messages name, for a command about several.

    Raises:
        KnownError: There is no data folder, unless `may_be_absent`.
        SettingsError: The setting is no valid folder.
        WarehouseError: The folder cannot be used.
    """
    from pipelines.open_folder import open_for_reading

    with open_for_reading(settings) as lake:
        if lake.is_empty and not may_be_absent:
            require_store(settings)
        if lake.is_empty and warn_if_empty:
            tell(f"No data in {lake.folder} yet: start with givlake backfill.")
        if lake.problems:
            more = len(lake.problems) - 1
            others = f" (and {plural(more, 'problem')} more)" if more else ""
            about = f"{account}: " if account is not None else ""
            problem = f"{about}{lake.problems[0]}{others}; repair with: givlake build"
            tell(with_account(problem, account))
        yield lake


def require_store(settings: "Settings") -> None:
    """Refuse to work on a data folder that does not exist; nothing is created.

    Raises:
        KnownError: With where data and settings were looked for.
    """
    from pipelines.settings_file import is_store, search_description

    if is_store(settings.data):
        return
    if account_in_force() is not None:
        # --data would exclude --account.
        raise KnownError(
            f"No data in {settings.data} yet: start with givlake backfill.", EXIT_USAGE
        )
    raise KnownError(
        f"No data in {settings.data}: {search_description()}. Name the data folder with --data or"
        " GIVLAKE_DATA, or start one with givlake backfill.",
        EXIT_USAGE,
    )


def format_option(*formats: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the option `--format` with `table`, the default, and other formats."""
    return click.option(
        "--format",
        "layout",
        type=click.Choice(["table", *formats]),
        default="table",
        show_default=True,
    )


def known_error(error: Exception) -> KnownError | None:
    """Return an error that the owner can fix as a `KnownError`; None for any other."""
    # Imported here so that `--help` does not load the client and the stores.
    from sqlalchemy.exc import DBAPIError

    from givenergy.errors import BudgetAwayError, BudgetStoreError, GivEnergyError, LocalFaultError
    from pipelines.cli.context import settings_in_use
    from pipelines.cli.local_faults import (
        dagster_home,
        describe_local_fault,
        permission_sentence,
    )
    from pipelines.database_errors import DagsterDatabaseError, database_error
    from pipelines.device_lookup import UnknownDeviceError
    from pipelines.selection import UnknownDatasetError
    from pipelines.settings_file import SettingsError
    from warehouse.errors import PublishError, WarehouseError

    if isinstance(error, PublishError):
        return KnownError(str(error), EXIT_INCOMPLETE)
    unknown = UnknownDatasetError | UnknownDeviceError
    if isinstance(error, unknown | SettingsError | WarehouseError | LocalFaultError):
        return KnownError(str(error), EXIT_USAGE)
    if isinstance(error, BudgetStoreError) and not isinstance(error, BudgetAwayError):
        return KnownError(f"{error}{permission_sentence(_data_folder() / 'state')}", EXIT_USAGE)
    if isinstance(error, GivEnergyError):
        return KnownError(str(error), EXIT_INCOMPLETE)
    if (known := _cause_of(error, DagsterDatabaseError)) is not None:
        return KnownError(str(known), EXIT_INCOMPLETE)
    if (reason := _cause_of(error, sqlite3.DatabaseError)) is not None:
        # Dagster's files: the request budget raises an error of its own.
        return KnownError(
            f"Dagster's state in {os.environ.get('DAGSTER_HOME')} cannot be used ({reason}): free"
            " disk space or make the folder writable. If it is damaged, remove it: the history of"
            " runs is lost, but no data. Then run the same command again."
            f"{permission_sentence(dagster_home()) if 'DAGSTER_HOME' in os.environ else ''}",
            EXIT_USAGE,
        )
    if (database := _cause_of(error, DBAPIError)) is not None:
        # Of a `dagster.yaml` with Dagster's own storage.
        return KnownError(str(database_error(None, database)), EXIT_INCOMPLETE)
    fault = describe_local_fault(error, settings_in_use())
    return None if fault is None else KnownError(fault, EXIT_USAGE)


def _data_folder() -> Path:
    from pipelines.cli.context import settings_in_use

    settings = settings_in_use()
    return Path() if settings is None else settings.data


def _cause_of(error: BaseException, kind: type[_Error]) -> _Error | None:
    """Return the error of a kind that caused an error, or is it; None if there is none."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__ or cause.__context__
    return cause


def check_order(start: date | None, end: date | None) -> None:
    """Refuse a range that ends before it begins.

    Raises:
        KnownError: The start is after the end.
    """
    if start is not None and end is not None and start > end:
        raise KnownError(f"The start {start} is after the end {end}: swap the two.", EXIT_USAGE)


def check_begun(start: date | None, today: date) -> None:
    """Refuse a range in the future; what is today is known after the API's first response.

    Raises:
        KnownError: The start is in the future.
    """
    if start is not None and start > today:
        raise KnownError(f"The start {start} is in the future: today is {today}.", EXIT_USAGE)


class _Console(Console):
    """A console whose texts recommend commands for the account in force."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(
            *(with_account(each) if isinstance(each, str) else each for each in objects), **options
        )


def console(stderr: bool = False) -> Console:
    """Return a console that does not interpret text from the API as markup."""
    result = _Console(stderr=stderr, markup=False, highlight=False, soft_wrap=True)
    if not result.is_terminal:
        # A file or a pipe has no width, so tables need not be narrowed.
        result.width = _FILE_WIDTH
    return result


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], right: Collection[str] = ()
) -> Table:
    """Return rows as a table; `right` names the columns to align to the right."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        grid.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(printable(cell) for cell in row))
    return grid


def print_groups(
    to: Console,
    columns: Sequence[str],
    groups: Sequence[tuple[str, Sequence[Sequence[object]]]],
    right: Collection[str] = (),
) -> None:
    """Print rows beside the name of their group, or below it if the terminal is too narrow.

    Args:
        to: The console.
        columns: The column names; the first is the group's.
        groups: The name and the rows of each group; rows do not include the name.
        right: The columns to align to the right.
    """
    rows = [[name, *row] for name, of_group in groups for row in of_group]
    wide = table(columns, rows, right)
    with to.capture() as captured:
        to.print(table(columns[1:], [row[1:] for row in rows], right))
    head, *lines = captured.get().splitlines()
    needed = Measurement.get(to, to.options.update(width=_FILE_WIDTH), wide).maximum
    if needed <= to.width or len(lines) != len(rows):
        to.print(wide)
        return
    to.out(head, highlight=False)
    for name, of_group in groups:
        if of_group:
            to.print(printable(name))
        for _ in of_group:
            to.out(lines.pop(0), highlight=False)


def printable(value: object) -> str:
    """Return a value as text, with control characters escaped."""
    text = "" if value is None else str(value)
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in text
    )


def plural(number: int, noun: str) -> str:
    """Return a number with its noun: `1 day`, `2,000 days`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a rounded duration."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def tell(sentence: str) -> None:
    """Print a sentence about the progress of a command to standard error."""
    click.echo(printable(with_account(sentence)), err=True)
