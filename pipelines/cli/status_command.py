"""`givlake status`: what is there, what is missing and why, without a request."""

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

from assets.framework.contract.devices import Devices, of_kinds
from pipelines.backfill_plan import requested_tasks
from pipelines.cli.budget_lines import budget_lines
from pipelines.cli.common import (
    ALL_THERE,
    SOMETHING_MISSING,
    WRONG_USAGE,
    KnownError,
    console,
    duration,
    plural,
    print_groups,
    printable,
    table,
)
from pipelines.cli.formats import as_csv
from pipelines.cli.status_notices import gaps, notes_as_json, show_gaps, show_notes
from pipelines.cli.status_rows import COLUMNS, rows
from pipelines.discovery import known_devices
from pipelines.health.calendar import calendars, svg
from pipelines.health.freshness import Freshness, freshness
from pipelines.health.notices import notes
from pipelines.health.overview import DeviceOverview, Gap, Overview, failed, overview
from pipelines.health.schedule_watch import neglect
from pipelines.pending_builds import describe, pending
from pipelines.selection import daily, selected, selected_snapshots
from pipelines.session_factory import open_budget, open_lake, stored_account, stored_zone
from pipelines.settings import Settings, load_settings
from warehouse import Lake, State

_OUT = console()
_HOLES_SHOWN = 20
_DEVICES_NAMED = 10


@click.command()
@click.option(
    "--format",
    "layout",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.svg",
    help="Draw a calendar of each device's days.",
)
@click.option(
    "--gaps", "with_gaps", is_flag=True, help="Also list the hours inside days without a point."
)
def status(layout: str, picture: Path | None, with_gaps: bool) -> None:
    """Show coverage by device and month, gaps, and failures with their reasons."""
    if with_gaps and layout != "table":
        raise KnownError(
            f'--gaps goes with the table only: use givlake query "FROM gaps" --format {layout}.',
            WRONG_USAGE,
        )
    settings = load_settings()
    chosen = selected(settings)
    with open_lake(settings) as lake:
        devices = known_devices(lake)
        found = [
            overview(lake, dataset, of_kinds(devices, dataset.device_kinds))
            for dataset in daily(chosen)
        ]
        fresh = freshness(lake, selected_snapshots(chosen), settings)
        missing = _missing(lake, settings, devices)
        noted = notes(lake, chosen, settings)
        not_built = pending(lake)
        found_gaps = gaps(lake) if with_gaps else None
        neglected = neglect(lake)
        if picture is not None:
            _draw(lake, settings, picture)
    account = stored_account(settings)
    if not_built:
        # Beside what programs read, where they have a layout of their own.
        console(stderr=layout != "table").print(describe(not_built))
    if layout == "json":
        parts = [_as_json(part) for part in found] + [_fresh_as_json(part) for part in fresh]
        parts = [
            {
                **part,
                **notes_as_json(noted[part["dataset"]]),
                "pending_responses": not_built.get(part["dataset"], Counter()).total(),
            }
            for part in parts
        ]
        click.echo(json.dumps(parts, indent=2))
    elif layout == "csv":
        click.echo(as_csv(COLUMNS, list(rows(found, fresh))), nl=False)
    elif not any(devices.values()):
        _OUT.print(f"Nothing is known yet in {settings.data}: start with givlake backfill.")
    else:
        for part in found:
            _show(part, only=len(found) == 1)
        _show_fresh(fresh)
        show_notes(noted.values())
        if found_gaps is not None:
            show_gaps(found_gaps)
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
    if neglected and any(devices.values()):
        # Beside what programs read, where they have a layout of their own.
        console(stderr=layout != "table").print(neglected)
    settled = all(part.settled for part in found) and all(part.settled for part in fresh)
    raise SystemExit(ALL_THERE if settled else SOMETHING_MISSING)


def _draw(lake: Lake, settings: Settings, file: Path) -> None:
    """Draw the calendars of all devices."""
    drawn = svg(calendars(lake, daily(selected(settings))), "What givlake has, day by day")
    try:
        file.write_text(drawn, encoding="utf-8")
    except OSError as error:
        raise KnownError(
            f"--picture {file} cannot be written ({error.strerror}): name another file.",
            WRONG_USAGE,
        ) from error


def _missing(lake: Lake, settings: Settings, devices: Devices) -> int:
    """Count the requests for days that were asked for at some time and are still to be fetched."""
    zone = stored_zone(settings)
    total = 0
    for dataset in daily(selected(settings)):
        for task in requested_tasks(lake, dataset, of_kinds(devices, dataset.device_kinds)):
            days = settings.range_days if dataset.takes_ranges else 1
            task.plan_missing(lake, zone, days_per_request=days)
            total += task.requests
    return total


def _show_fresh(found: Sequence[Freshness]) -> None:
    """Show what is asked for as it stands now: how old it is, and what is wrong."""
    rows = []
    for part in found:
        states = Counter(str(one.state).replace("_", " ") for one in part.asked)
        if part.not_requested:
            states["not requested"] = len(part.not_requested)
        said = ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))
        lacking = "not available" if part.unavailable.get("") else "nothing to ask"
        when = f"{part.oldest_at:%Y-%m-%d %H:%M}" if part.oldest_at else ""
        rows.append([part.dataset, f"{part.rows:,}", when, said or lacking])
    _OUT.print("Asked for as it stands now:\n")
    _OUT.print(table(["dataset", "rows", "fetched (UTC)", "state"], rows, right=["rows"]))
    trouble = [sentence for part in found for sentence in part.trouble]
    for sentence in trouble[:_HOLES_SHOWN]:
        _OUT.print(printable(f"  {sentence}. Mend with: givlake sync"))
    _OUT.print()


def _fresh_as_json(found: Freshness) -> dict[str, Any]:
    return {
        "dataset": found.dataset,
        "rows": found.rows,
        "asked": [
            {
                "device_id": one.device_id,
                "state": str(one.state),
                "complete_at": one.complete_at and one.complete_at.isoformat(),
                "reason": one.reason or None,
            }
            for one in found.asked
        ],
        "not_requested": found.not_requested,
        "not_available": found.unavailable,
    }


def _show(found: Overview, *, only: bool) -> None:
    """Show a dataset; the commands that mend it name it, unless it is the only one."""
    totals = ", ".join(
        f"{number:,} {state}" for state, number in sorted(found.days_by_state.items())
    )
    _OUT.print(f"{found.dataset}: {totals or 'nothing expected'}\n")
    states = [state for state in State if found.days_by_state[state]]
    groups = [
        (
            device.device_id,
            [[months, *(days[state] or "" for state in states)] for months, days in _spans(device)],
        )
        for device in found.devices
    ]
    print_groups(_OUT, ["device", "month", *states], groups, right=states)
    gaps = _together(found)
    if gaps:
        _OUT.print("\nMissing, newest first:")
        for device_ids, hole in gaps[:_HOLES_SHOWN]:
            all_devices = len(device_ids) == len(found.devices)
            command = _command(
                "" if only else found.dataset, [] if all_devices else device_ids, hole
            )
            _OUT.print(f"  {_sentence(device_ids, hole)}{printable(command)}")
        if len(gaps) > _HOLES_SHOWN:
            _OUT.print(f"  and {len(gaps) - _HOLES_SHOWN} more: see --format json")
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


def _together(found: Overview) -> list[tuple[list[str], Gap]]:
    """Take together what is missing of several devices for the same reason until the same day."""
    groups: dict[tuple[date, State, str], tuple[list[str], Gap]] = {}
    for device in found.devices:
        for hole in device.gaps:
            key = (hole.last, hole.state, hole.reason)
            device_ids, widest = groups.setdefault(key, ([], hole))
            device_ids.append(device.device_id)
            groups[key] = (device_ids, min(widest, hole, key=lambda one: one.first))
    return [groups[key] for key in sorted(groups, key=lambda key: key[0], reverse=True)]


def _sentence(device_ids: Sequence[str], hole: Gap) -> str:
    who = device_ids[0] if len(device_ids) == 1 else plural(len(device_ids), "device")
    days = str(hole.first) if hole.first == hole.last else f"{hole.first} to {hole.last}"
    what = hole.state.replace("_", " ")
    reason = f": {hole.reason.rstrip('.')}" if hole.state is not State.NOT_REQUESTED else ""
    how_often = failed(hole.error_count, hole.last_error_at)
    return printable(f"{who}, {days}, {what}{reason}{how_often}. Mend with: ")


def _command(dataset: str, device_ids: Sequence[str], hole: Gap) -> str:
    if hole.state is State.NOT_BUILT:
        return "givlake build"
    command = f"givlake backfill --start {hole.first} --end {hole.last}"
    command += f" --dataset {dataset}" if dataset else ""
    if len(device_ids) > _DEVICES_NAMED:
        return command
    # Names come from the API, and the command is there to be pasted into a shell.
    return command + "".join(f" --device {shlex.quote(device_id)}" for device_id in device_ids)


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
                        "error_count": hole.error_count,
                        "last_error_at": hole.last_error_at and hole.last_error_at.isoformat(),
                    }
                    for hole in device.gaps
                ],
            }
            for device in found.devices
        ],
    }
