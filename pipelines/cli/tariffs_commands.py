"""`givlake tariffs`: load and check tariffs, and say which was in force when."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from assets.catalogue_views import DEFAULT_CURRENCY
from givenergy.server_clock import utc_now
from pipelines.cli.common import (
    EXIT_COMPLETE,
    EXIT_INCOMPLETE,
    KnownError,
    console,
    format_option,
    opened_for_reading,
    plural,
    printable,
    require_store,
    table,
    tell,
)
from pipelines.cli.context import pass_settings
from pipelines.cli.days import FIRST_DAY
from pipelines.cli.formats import as_csv, as_json
from pipelines.open_folder import open_lake, stored_zone
from pipelines.settings import Settings
from pipelines.tariffs.tariff_check import StoredTariffs, tariff_findings
from pipelines.tariffs.tariff_file import DIRECTIONS, PAYMENTS, VAT, LoadOptions
from pipelines.tariffs.tariff_store import (
    forget_tariff,
    known_name,
    load_tariff,
    read_loads,
    stored_currency,
    traces,
)
from pipelines.tariffs.tariffs_in_force import use_tariff
from warehouse import owner_inputs
from warehouse.connection import connect, retrying
from warehouse.lake import Lake

_OUT = console()
_PRICES = {
    "both": "import and export",
    "import": "import",
    "export": "export",
    "standing_charge": "standing charge",
}


@click.command("load")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="Name of the tariff; needed for JSON and CSV.")
@click.option(
    "--direction",
    type=click.Choice(DIRECTIONS),
    help="What the prices are for; needed for JSON, else a choice of the file's prices.",
)
@click.option(
    "--payment",
    type=click.Choice(PAYMENTS, case_sensitive=False),
    help=f"Payment method, where prices in JSON differ by it; default: {PAYMENTS[0]}.",
)
@click.option(
    "--vat", type=click.Choice(VAT), help=f"Prices in JSON with or without VAT; default: {VAT[0]}."
)
@pass_settings
def tariffs_load_command(
    settings: Settings,
    file: Path,
    name: str | None,
    direction: str | None,
    payment: str | None,
    vat: str | None,
) -> None:
    """Load a tariff: rules (.toml), Octopus' answer (.json) or prices by time (.csv).

    The newest file of a tariff and direction applies; docs/tariffs.md describes the formats.
    """
    options = LoadOptions(direction, payment, vat, zone=stored_zone(settings))
    with open_lake(settings) as lake:
        # Before, so that nothing is loaded if it is damaged.
        in_force = _in_force(lake)
        result = load_tariff(lake, file, options, name, utc_now())
    for warning in result.warnings:
        tell(warning)
    load = result.load
    tariff = load["tariff"]
    if load["currency"] != DEFAULT_CURRENCY:
        _publish_currency(settings)
    if not result.is_new:
        _OUT.print(f"{file.name} is version {load['version']} of {tariff} already: nothing to do.")
        return
    zone = ZoneInfo(load["timezone"])
    _OUT.print(
        f"Tariff {tariff}, version {load['version']}: prices of {_PRICES[load['direction']]},"
        f" {_first_day(load, zone)} to {_last_day(load, zone)}."
    )
    if not any(entry["tariff"] == tariff for entry in in_force):
        _OUT.print(f"If it was yours, say from when: givlake tariffs use {tariff} --from DATE")


@click.command("list")
@click.option("--all", "all_versions", is_flag=True, help="Also versions that newer ones replaced.")
@format_option("json", "csv")
@pass_settings
def tariffs_list_command(settings: Settings, all_versions: bool, layout: str) -> None:
    """List the loaded tariffs, and which was in force when."""
    with opened_for_reading(settings, warn_if_empty=False, may_be_absent=True) as lake:
        loads, in_force = read_loads(lake.folder), _in_force(lake)
    shown = [load for load in loads if all_versions or load["is_current"]]
    if layout == "json":
        click.echo(as_json([{**load, "in_force": _ranges_of(load, in_force)} for load in shown]))
        return
    if layout == "csv":
        click.echo(as_csv(owner_inputs.SCHEMAS["tariffs"].names, shown), nl=False)
        return
    if not shown:
        _OUT.print("No tariffs are loaded: load one with givlake tariffs load FILE.")
        return
    lines = [
        [
            load["tariff"],
            f"{load['version']}{'' if load['is_current'] else ' (replaced)'}",
            _PRICES[load["direction"]],
            _first_day(load, ZoneInfo(load["timezone"])),
            _last_day(load, ZoneInfo(load["timezone"])),
            load["file_name"],
        ]
        for load in shown
    ]
    columns = ["tariff", "version", "prices", "from", "to", "file"]
    _OUT.print(table(columns, lines, right=["version"]))
    _OUT.print()
    _print_in_force(in_force)


@click.command("check")
@click.argument("tariff", required=False)
@format_option("json", "csv")
@pass_settings
def tariffs_check_command(settings: Settings, tariff: str | None, layout: str) -> None:
    """Find missing prices and standing charges; exit status 1 if there are any.

    Prices are missing if a tariff has a hole, or none for data while it was in force.
    """
    with opened_for_reading(settings, warn_if_empty=False, may_be_absent=True) as lake:
        stored = StoredTariffs(
            read_loads(lake.folder),
            owner_inputs.read(lake.folder, "tariff_prices"),
            owner_inputs.read(lake.folder, "tariff_standing_charges"),
            _in_force(lake),
        )
        if tariff is not None:
            known_name(tariff, [*stored.loads, *stored.in_force])
        findings = tariff_findings(stored, _energy_span(lake), tariff)
    rows = [
        {"tariff": each.tariff, "problem": each.problem, "message": each.message}
        for each in findings
    ]
    if layout == "json":
        click.echo(as_json(rows))
    elif layout == "csv":
        click.echo(as_csv(("tariff", "problem", "message"), rows), nl=False)
    else:
        for finding in findings:
            _OUT.print(printable(f"{finding.tariff}: {finding.message}"))
        checked = {load["tariff"] for load in stored.loads} if tariff is None else {tariff}
        if not findings:
            _OUT.print(f"{plural(len(checked), 'tariff')} checked: no price is missing.")
        if stored.loads and not stored.in_force:
            _OUT.print(
                "No tariff is in force, so there are no costs of what was paid:"
                " givlake tariffs use NAME --from DATE"
            )
    raise SystemExit(EXIT_INCOMPLETE if findings else EXIT_COMPLETE)


@click.command("use")
@click.argument("tariff")
@click.option("--from", "first", type=FIRST_DAY, required=True, help="First day, local.")
@click.option(
    "--to", "until", type=FIRST_DAY, help="First day on which it no longer was; default: still."
)
@pass_settings
def tariffs_use_command(settings: Settings, tariff: str, first: date, until: date | None) -> None:
    """Say that a tariff was in force from a day on. What you say last counts."""
    require_store(settings)
    with open_lake(settings) as lake:
        in_force = use_tariff(lake, tariff, first, until)
    _print_in_force(in_force)


@click.command("forget")
@click.argument("tariff")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@pass_settings
def tariffs_forget_command(settings: Settings, tariff: str, yes: bool) -> None:
    """Remove a tariff: its files, its prices, and when it was in force."""
    require_store(settings)
    known_name(tariff, traces(settings.data))
    if not (yes or _is_confirmed(f"Remove tariff {tariff} and the copies of its files?")):
        raise KnownError("Nothing was removed; --yes does not ask.", EXIT_INCOMPLETE)
    currency = stored_currency(settings.data)
    with open_lake(settings) as lake:
        forget_tariff(lake, tariff, utc_now())
        in_force = _in_force(lake)
    if stored_currency(settings.data) != currency:
        _publish_currency(settings)
    _OUT.print(f"Tariff {tariff} is removed.")
    _print_in_force(in_force)


def _is_confirmed(question: str) -> bool:
    """Return whether the owner says yes; without a terminal nobody does."""
    try:
        return click.confirm(question)
    except click.Abort:
        click.echo(err=True)
        return False


def _publish_currency(settings: Settings) -> None:
    """Publish the catalogue again, which names columns of money by the currency of tariffs."""
    open_lake(settings).close()


def _in_force(lake: Lake) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = owner_inputs.read(lake.folder, "tariffs_in_force").to_pylist()
    return sorted(rows, key=lambda entry: entry["from_date"])


def _ranges_of(
    load: Mapping[str, Any], in_force: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    return [
        {"from_date": entry["from_date"], "to_date": entry["to_date"]}
        for entry in in_force
        if entry["tariff"] == load["tariff"]
    ]


def _print_in_force(in_force: Sequence[Mapping[str, Any]]) -> None:
    if not in_force:
        _OUT.print("No tariff is in force: givlake tariffs use NAME --from DATE")
        return
    lines = [
        [
            entry["from_date"],
            "now" if entry["to_date"] is None else entry["to_date"] - timedelta(days=1),
            entry["tariff"],
        ]
        for entry in in_force
    ]
    _OUT.print(table(["first day", "last day", "tariff in force"], lines))


def _first_day(load: Mapping[str, Any], zone: ZoneInfo) -> str:
    return f"{load['first_start_at'].astimezone(zone):%Y-%m-%d}"


def _last_day(load: Mapping[str, Any], zone: ZoneInfo) -> str:
    """Return the last local day that has a price."""
    end: datetime | None = load["end_at"]
    return "now" if end is None else f"{(end - timedelta(minutes=1)).astimezone(zone):%Y-%m-%d}"


def _energy_span(lake: Lake) -> tuple[datetime, datetime] | None:
    """Return from when to when there are energy data; None if there are none."""
    sql = resources.files("pipelines.tariffs").joinpath("sql", "energy_span.sql").read_text()
    with connect(lake) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        ((oldest, newest),) = retrying(lambda: connection.execute(sql).fetchall())
    return None if newest is None else (oldest.astimezone(UTC), newest.astimezone(UTC))
