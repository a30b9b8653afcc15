"""`givlake accounts`: the accounts of this machine, and one catalogue of all of them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from givenergy.server_clock import utc_now
from pipelines.accounts_settings import accounts_settings
from pipelines.cli.common import (
    EXIT_INCOMPLETE,
    EXIT_USAGE,
    KnownError,
    console,
    duration,
    format_option,
    known_error,
    plural,
    printable,
    table,
    tell,
)
from pipelines.cli.context import refuse_one_account
from pipelines.cli.formats import as_csv, as_json
from pipelines.cli.output_file import checked_target
from pipelines.health.account_status import AccountSummary, account_summary
from pipelines.named_accounts import accounts_folder
from pipelines.settings import Settings
from pipelines.settings_file import SettingsError
from warehouse.errors import StoreError
from warehouse.united_catalogue import (
    AccountViews,
    is_united_catalogue,
    read_views,
    united_in,
    write_united,
)

CATALOGUE = "accounts.duckdb"
_DAY_S = 86_400
_OUT = console()
_COLUMNS = (
    "account", "data_folder", "updated_at", "age_s", "used_requests", "request_limit",
    "missing_days", "failed_days", "unsettled_requests", "size_bytes", "problem",
)  # fmt: skip
_RIGHT = ("age", "requests", "missing", "failed", "size")
_NONE = (
    "There are no accounts with names: make a file accounts/NAME.env with GIVENERGY_API_TOKEN=…"
    " here or in a folder above, or set GIVLAKE_ACCOUNTS to the folder with the accounts' files."
)


@click.command("list")
@format_option("json", "csv")
def accounts_list_command(layout: str) -> None:
    """List the accounts: last update, requests in this minute, days missing and failed, size."""
    refuse_one_account()
    folder = accounts_folder()
    accounts = accounts_settings()
    found = {name: _examined(name, each, folder) for name, each in accounts.items()}
    rows = [_row(name, *each) for name, each in found.items()]
    if layout == "json":
        click.echo(as_json(rows))
    elif layout == "csv":
        click.echo(as_csv(_COLUMNS, rows), nl=False)
    elif not rows or folder is None:
        _OUT.print(_NONE)
    else:
        _OUT.print(f"Accounts in {printable(folder)}, where relative data folders are:\n")
        names = ["account", "updated (UTC)", *_RIGHT, "data"]
        _OUT.print(table(names, [_cells(row, folder) for row in rows], right=_RIGHT))
        for line in (line for name, each in found.items() for line in _notes(name, *each)):
            _OUT.print(printable(line))
    if any(problem is not None for *_, problem in found.values()):
        raise SystemExit(EXIT_INCOMPLETE)


@click.command("catalogue")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
def accounts_catalogue_command(file: Path | None) -> None:
    """Write one DuckDB file with the views of all accounts, for queries over all of them.

    FILE is accounts.duckdb beside accounts/ by default. Its views read the data folders as they are
    when a query runs. Write it again when an account was added or moved, and after an update of
    givlake.
    """
    refuse_one_account()
    folder = accounts_folder()
    found = accounts_settings()
    if folder is None or not found:
        raise KnownError(_NONE, EXIT_USAGE)
    target = folder.parent / CATALOGUE if file is None else file
    former = united_in(target) if target.exists() and is_united_catalogue(target) else set()
    accounts: list[AccountViews] = []
    without_data: list[str] = []
    left_out: dict[str, Exception] = {}
    for name, settings in found.items():
        try:
            if isinstance(settings, SettingsError):
                raise settings
            target = checked_target(target, settings.data.resolve(), overwrite=True)
            views = read_views(name, settings.data)
        except (SettingsError, StoreError) as error:
            left_out[name] = error
        else:
            if views is None and (name in former or _is_away(name, settings, folder)):
                left_out[name] = StoreError(
                    f"its data folder {settings.data} is gone: mount it, or set GIVLAKE_DATA in"
                    f" {folder / name}.env to where it is"
                )
            elif views is None:
                without_data.append(name)
            else:
                accounts.append(views)
    if target.exists() and not is_united_catalogue(target):
        raise KnownError(
            f"{target} exists and is no catalogue of accounts: choose another file, or remove it.",
            EXIT_USAGE,
        )
    _tell_left_out(left_out)
    if without_data:
        tell(f"No data yet: {', '.join(without_data)}. Write the catalogue again when there are.")
    if not accounts:
        raise KnownError("No account has data that can be read.", EXIT_INCOMPLETE)
    damaged = write_united(target, accounts)
    _tell_left_out(damaged)
    count = len(accounts) - len(damaged)
    _OUT.print(printable(f"{plural(count, 'account')} united in {target}"))
    if left_out or damaged:
        raise SystemExit(EXIT_INCOMPLETE)


def _tell_left_out(reasons: Mapping[str, Exception]) -> None:
    for name, reason in reasons.items():
        tell(f"{name} is left out: {reason}")


def _examined(
    name: str, settings: Settings | SettingsError, folder: Path | None
) -> tuple[str, AccountSummary | None, str | None]:
    """Return the data folder of an account and its summary, and why that is none or not whole."""
    if isinstance(settings, SettingsError):
        return "", None, str(settings)
    try:
        summary = account_summary(settings)
    except Exception as error:
        # One that cannot be read hides no other.
        known = known_error(error)
        if known is None:
            raise
        return str(settings.data), None, str(known)
    problem = summary.budget_problem
    if folder is not None and _is_away(name, settings, folder):
        problem = (
            f"its data folder {settings.data} is not there: mount it, or start with"
            f" givlake --account {name} backfill"
        )
    return str(settings.data), summary, problem


def _is_away(name: str, settings: Settings, folder: Path) -> bool:
    """Return whether there is no data folder where the settings name another than the usual."""
    return settings.data != folder / name and not settings.data.exists()


def _row(
    name: str, data: str, summary: AccountSummary | None, problem: str | None
) -> dict[str, Any]:
    """Return an account for programs."""
    row: dict[str, Any] = dict.fromkeys(_COLUMNS)
    row |= {"account": name, "data_folder": data or None, "problem": problem}
    if summary is not None:
        row |= {
            "updated_at": summary.updated_at,
            "age_s": _age_s(summary.updated_at),
            "used_requests": summary.used_requests,
            "request_limit": summary.request_limit,
            "missing_days": summary.missing_days,
            "failed_days": summary.failed_days,
            "unsettled_requests": summary.unsettled_requests,
            "size_bytes": summary.size_bytes,
        }
    return row


def _age_s(moment: datetime | None) -> int | None:
    return None if moment is None else max(0, round((utc_now() - moment).total_seconds()))


def _cells(row: dict[str, Any], folder: Path) -> list[str]:
    """Return an account as a row of the table; a folder below that of the files is relative."""
    data = row["data_folder"] or ""
    data = data.removeprefix(f"{folder}/")
    if row["size_bytes"] is None:
        return [row["account"], "cannot be used", "", "", "", "", "", data]
    updated, age, used = row["updated_at"], row["age_s"], row["used_requests"]
    return [
        row["account"],
        "no sync yet" if updated is None else f"{updated.astimezone(UTC):%Y-%m-%d %H:%M}",
        "" if age is None else _rounded(age),
        "" if used is None else f"{used}/{row['request_limit']}",
        f"{row['missing_days']:,}",
        f"{row['failed_days']:,}",
        f"{row['size_bytes'] / 1e6:,.1f} MB",
        data,
    ]


def _rounded(age_s: int) -> str:
    return duration(age_s) if age_s < 2 * _DAY_S else f"{age_s / _DAY_S:.0f} d"


def _notes(
    name: str, _data: str, summary: AccountSummary | None, problem: str | None
) -> Iterator[str]:
    """Yield what the table does not say of an account."""
    command = f"givlake --account {name}"
    if problem is not None:
        yield f"{name}: {problem}"
    if summary is None:
        return
    if summary.is_empty and problem is None:
        yield f"{name}: no data yet: start with {command} backfill"
    elif summary.problems:
        yield f"{name}: {summary.problems[0]}; repair with: {command} build"
    elif summary.missing_days or summary.failed_days or summary.unsettled_requests:
        requests = plural(summary.unsettled_requests, "request")
        also = f", {requests} for the present state" if summary.unsettled_requests else ""
        yield f"{name}: data are missing{also}: {command} status"
