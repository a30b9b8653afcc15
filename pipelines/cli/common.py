"""What the commands have in common: exit status, errors in one sentence, dates, tables."""

import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

if TYPE_CHECKING:
    from pipelines.settings import Settings
    from warehouse import ReadOnlyLake

ALL_THERE = 0
SOMETHING_MISSING = 1
WRONG_USAGE = 2
_WIDTH_OF_A_FILE = 240


class KnownError(Exception):
    """Something a person can mend, in one sentence, and the exit status it leads to."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status


@contextmanager
def opened_for_reading(
    settings: "Settings", *, say_if_empty: bool = True
) -> Iterator["ReadOnlyLake"]:
    """Open the data folder for a command that only reads; say on standard error what is wrong.

    Args:
        settings: where the data folder is.
        say_if_empty: whether to say so where nothing is there yet.

    Raises:
        SettingsError: if there can be no such folder.
        WarehouseError: if it cannot be used.
    """
    from pipelines.session_factory import open_for_reading

    with open_for_reading(settings) as lake:
        if lake.is_empty and say_if_empty:
            click.echo(
                f"There is no data in {lake.folder} yet: start with givlake backfill.", err=True
            )
        if lake.problems:
            more = len(lake.problems) - 1
            others = f" (and {plural(more, 'problem')} more)" if more else ""
            sentence = f"{lake.problems[0]}{others}; repair with: givlake build"
            click.echo(printable(sentence), err=True)
        yield lake


def known_error(error: Exception) -> KnownError | None:
    """Tell an error that a person can mend from one of ours."""
    # Imported here so that `--help` does not wait for the client and the stores.
    from givenergy import GivEnergyError
    from pipelines.discovery import UnknownDeviceError
    from pipelines.settings import SettingsError
    from warehouse import WarehouseError

    if isinstance(error, SettingsError | UnknownDeviceError | WarehouseError):
        return KnownError(str(error), WRONG_USAGE)
    if isinstance(error, GivEnergyError):
        return KnownError(str(error), SOMETHING_MISSING)
    if (reason := _refusal_of_sqlite(error)) is not None:
        # The request budget's have a sentence of their own: this is Dagster's.
        return KnownError(
            f"Dagster's state in {os.environ.get('DAGSTER_HOME')} cannot be used ({reason}): free"
            " some space or make it writable, or remove the folder if it is damaged, which loses"
            " the history of runs and no data; then run again.",
            WRONG_USAGE,
        )
    return None


def _refusal_of_sqlite(error: BaseException) -> str | None:
    """Say what SQLite said if it is what an error comes from."""
    at: BaseException | None = error
    while at is not None and not isinstance(at, sqlite3.DatabaseError):
        at = at.__cause__ or at.__context__
    return None if at is None else str(at)


class DayType(click.ParamType[date]):
    """A day as YYYY-MM-DD."""

    name = "date"

    def convert(
        self, value: str | date, param: click.Parameter | None, context: click.Context | None
    ) -> date:
        """Read a day, or end with a sentence that names the value."""
        if isinstance(value, date):
            return value
        try:
            day = date.fromisoformat(value)
        except ValueError:
            day = None
        # Python also reads 20250601 and 2025-W22-7, which are more likely slips.
        if day is None or day.isoformat() != value:
            self.fail(f"{value!r} is not a day: write it as YYYY-MM-DD, e.g. 2025-06-01.")
        return day


DAY = DayType()


def check_range(start: date | None, end: date, today: date) -> None:
    """Refuse days that cannot be asked for.

    Raises:
        KnownError: if the start lies after the end or in the future.
    """
    if start is not None and start > today:
        raise KnownError(f"The start {start} lies in the future: today is {today}.", WRONG_USAGE)
    if start is not None and start > end:
        raise KnownError(
            f"The start {start} lies after the end {end}: exchange the two.", WRONG_USAGE
        )


def console(stderr: bool = False) -> Console:
    """Make a console that does not read what the API sent as markup."""
    made = Console(stderr=stderr, markup=False, highlight=False, soft_wrap=True)
    if not made.is_terminal:
        # A file or a pipe has no width to which a table would have to be squeezed.
        made.width = _WIDTH_OF_A_FILE
    return made


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], right: Collection[str] = ()
) -> Table:
    """Lay out rows; `right` names the columns to align to the right."""
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
    """Print rows beside the name of their group, or below it where a terminal is too narrow.

    Args:
        to: where to.
        columns: the first is the group's.
        groups: name and rows of each; rows are without the name.
        right: the columns to align to the right.
    """
    rows = [[name, *row] for name, of_group in groups for row in of_group]
    wide = table(columns, rows, right)
    with to.capture() as captured:
        to.print(table(columns[1:], [row[1:] for row in rows], right))
    head, *lines = captured.get().splitlines()
    needed = Measurement.get(to, to.options.update(width=_WIDTH_OF_A_FILE), wide).maximum
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
    """Show a value without the control characters by which it could command a terminal."""
    text = "" if value is None else str(value)
    return "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}" for character in text
    )


def plural(number: int, thing: str) -> str:
    """Count things: `1 day`, `2,000 days`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Say how long something takes, roughly."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
