"""`givlake status`: what is there, what is missing and why, without a request."""

import json
from typing import Any

import click

from assets.registry import daily_datasets
from pipelines.cli.budget import budget_lines
from pipelines.cli.common import (
    ALL_THERE,
    SOMETHING_MISSING,
    console,
    plural,
    printable,
    table,
)
from pipelines.discovery import known_devices
from pipelines.session import open_budget, open_lake, stored_account
from pipelines.settings import load_settings
from pipelines.status import Hole, Overview, overview
from warehouse import State

_OUT = console()
_MONTHS_SHOWN = 24
_HOLES_SHOWN = 20


@click.command()
@click.option(
    "--format", "layout", type=click.Choice(["table", "json"]), default="table", show_default=True
)
def status(layout: str) -> None:
    """Show coverage by device and month, gaps, and failures with their reasons."""
    settings = load_settings()
    with open_lake(settings) as lake:
        devices = known_devices(lake)
        found = [overview(lake, dataset, devices) for dataset in daily_datasets()]
    account = stored_account(settings)
    if layout == "json":
        click.echo(json.dumps([_as_json(part) for part in found], indent=2))
    elif not devices:
        _OUT.print(f"Nothing is known yet in {settings.data}: start with givlake backfill.")
    else:
        for part in found:
            _show(part)
        if account is not None:
            for line in budget_lines(open_budget(settings, account).snapshot()):
                _OUT.print(line)
    raise SystemExit(ALL_THERE if all(part.settled for part in found) else SOMETHING_MISSING)


def _show(found: Overview) -> None:
    totals = ", ".join(
        f"{number:,} {state}" for state, number in sorted(found.days_by_state.items())
    )
    _OUT.print(f"{found.dataset}: {totals or 'nothing expected'}\n")
    states = [state for state in State if found.days_by_state[state]]
    rows: list[list[object]] = []
    for device in found.devices:
        for month in sorted(device.months, reverse=True)[:_MONTHS_SHOWN]:
            days = device.months[month]
            rows.append([device.device_id, month, *(days[state] or "" for state in states)])
        if (hidden := len(device.months) - _MONTHS_SHOWN) > 0:
            rows.append([device.device_id, f"and {plural(hidden, 'month')} before"])
    _OUT.print(table(["device", "month", *states], rows, right=" ".join(states)))
    holes = [(device.device_id, hole) for device in found.devices for hole in device.holes]
    if holes:
        _OUT.print("\nMissing, newest first:")
        newest = sorted(holes, key=lambda item: item[1].last, reverse=True)
        for device_id, hole in newest[:_HOLES_SHOWN]:
            _OUT.print(f"  {_sentence(device_id, hole)}")
        if len(holes) > _HOLES_SHOWN:
            _OUT.print(f"  and {len(holes) - _HOLES_SHOWN} more: see --format json")


def _sentence(device_id: str, hole: Hole) -> str:
    days = str(hole.first) if hole.first == hole.last else f"{hole.first} to {hole.last}"
    reason = f": {hole.reason}" if hole.reason else ""
    when = f" (last tried {hole.last_error_at:%Y-%m-%d %H:%M} UTC)" if hole.last_error_at else ""
    command = f"givlake backfill --start {hole.first} --end {hole.last} --device {device_id}"
    return printable(f"{device_id} {days} {hole.state}{reason}{when}; mend with: {command}")


def _as_json(found: Overview) -> dict[str, Any]:
    return {
        "dataset": found.dataset,
        "days_by_state": {str(state): n for state, n in sorted(found.days_by_state.items())},
        "devices": [
            {
                "device_id": device.device_id,
                "rows": device.rows,
                "days_by_state": {str(s): n for s, n in sorted(device.days_by_state.items())},
                "months": {
                    month: {str(state): number for state, number in sorted(days.items())}
                    for month, days in device.months.items()
                },
                "missing": [
                    {
                        "first": hole.first.isoformat(),
                        "last": hole.last.isoformat(),
                        "state": str(hole.state),
                        "reason": hole.reason or None,
                        "last_error_at": hole.last_error_at and hole.last_error_at.isoformat(),
                    }
                    for hole in device.holes
                ],
            }
            for device in found.devices
        ],
    }
