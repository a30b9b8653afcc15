"""`givlake status`: what is there, what is missing and why, without a request."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import click

from assets.framework.devices import Device
from assets.registry import daily_datasets
from pipelines.cli.budget import budget_lines
from pipelines.cli.common import (
    ALL_THERE,
    SOMETHING_MISSING,
    console,
    duration,
    plural,
    printable,
    table,
)
from pipelines.discovery import known_devices
from pipelines.errands import wished
from pipelines.session import open_budget, open_lake, stored_account, stored_zone
from pipelines.settings import Settings, load_settings
from pipelines.status import DeviceOverview, Hole, Overview, overview
from warehouse import Lake, State

_OUT = console()
_HOLES_SHOWN = 20
_DEVICES_NAMED = 10


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
        missing = _missing(lake, settings, devices)
    account = stored_account(settings)
    if layout == "json":
        click.echo(json.dumps([_as_json(part) for part in found], indent=2))
    elif not devices:
        _OUT.print(f"Nothing is known yet in {settings.data}: start with givlake backfill.")
    else:
        for part in found:
            _show(part)
        if account is not None:
            snapshot = open_budget(settings, account).snapshot()
            for line in budget_lines(snapshot):
                _OUT.print(line)
            if missing:
                seconds = max(snapshot.seconds_for(missing), snapshot.window_s)
                _OUT.print(
                    f"{plural(missing, 'request')} to go for what was asked for so far:"
                    f" givlake sync does it in about {duration(seconds)}"
                )
    raise SystemExit(ALL_THERE if all(part.settled for part in found) else SOMETHING_MISSING)


def _missing(lake: Lake, settings: Settings, devices: Sequence[Device]) -> int:
    """Count the device-days that were asked for at some time and are still to be fetched."""
    zone = stored_zone(settings)
    total = 0
    for dataset in daily_datasets():
        for errand in wished(lake, dataset, devices):
            errand.look(lake, zone)
            total += errand.to_fetch.total()
    return total


def _show(found: Overview) -> None:
    totals = ", ".join(
        f"{number:,} {state}" for state, number in sorted(found.days_by_state.items())
    )
    _OUT.print(f"{found.dataset}: {totals or 'nothing expected'}\n")
    states = [state for state in State if found.days_by_state[state]]
    rows = [
        [device.device_id, months, *(days[state] or "" for state in states)]
        for device in found.devices
        for months, days in _spans(device)
    ]
    _OUT.print(table(["device", "month", *states], rows, right=states))
    holes = _together(found)
    if holes:
        _OUT.print("\nMissing, newest first:")
        for device_ids, hole in holes[:_HOLES_SHOWN]:
            _OUT.print(f"  {_sentence(device_ids, hole, len(found.devices))}")
        if len(holes) > _HOLES_SHOWN:
            _OUT.print(f"  and {len(holes) - _HOLES_SHOWN} more: see --format json")
    _OUT.print()


def _spans(device: DeviceOverview) -> Iterator[tuple[str, Counter[State]]]:
    """Give a device's months, newest first; months all in one same state are taken together."""
    spans: list[tuple[str, str, Counter[State]]] = []
    for month in sorted(device.months, reverse=True):
        days = device.months[month]
        if spans and len(days) == 1 and set(days) == set(spans[-1][2]):
            spans[-1] = (month, spans[-1][1], spans[-1][2] + days)
        else:
            spans.append((month, month, days))
    for first, last, days in spans:
        yield (last if first == last else f"{first} to {last}"), days


def _together(found: Overview) -> list[tuple[list[str], Hole]]:
    """Take together what is missing of several devices for the same reason until the same day."""
    groups: dict[tuple[date, State, str], tuple[list[str], Hole]] = {}
    for device in found.devices:
        for hole in device.holes:
            key = (hole.last, hole.state, hole.reason)
            device_ids, widest = groups.setdefault(key, ([], hole))
            device_ids.append(device.device_id)
            groups[key] = (device_ids, min(widest, hole, key=lambda one: one.first))
    return [groups[key] for key in sorted(groups, key=lambda key: key[0], reverse=True)]


def _sentence(device_ids: Sequence[str], hole: Hole, devices: int) -> str:
    who = device_ids[0] if len(device_ids) == 1 else plural(len(device_ids), "device")
    days = str(hole.first) if hole.first == hole.last else f"{hole.first} to {hole.last}"
    what = hole.state.replace("_", " ")
    reason = f": {hole.reason}" if hole.state is not State.NEVER_ASKED else ""
    when = f" (last tried {hole.last_error_at:%Y-%m-%d %H:%M} UTC)" if hole.last_error_at else ""
    command = f"givlake backfill --start {hole.first} --end {hole.last}"
    if len(device_ids) < devices:
        command += "".join(f" --device {device_id}" for device_id in device_ids[:_DEVICES_NAMED])
    return printable(f"{who}, {days}, {what}{reason}{when}. Mend with: {command}")


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
