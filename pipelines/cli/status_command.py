"""`givlake status`: coverage, gaps and failures with their reasons, without a request."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

from assets.framework.contract.devices import of_kinds
from assets.framework.ingestion.availability import unavailable
from pipelines.account_budget import budget_snapshot, shared_budget_line
from pipelines.account_zone import zone_notice, zone_of
from pipelines.cli.budget_lines import budget_lines
from pipelines.cli.common import (
    EXIT_COMPLETE,
    EXIT_INCOMPLETE,
    EXIT_USAGE,
    KnownError,
    console,
    duration,
    format_option,
    opened_for_reading,
    plural,
    print_groups,
    printable,
    table,
)
from pipelines.cli.context import pass_settings
from pipelines.cli.finding_lines import counts_as_json
from pipelines.cli.formats import as_csv
from pipelines.cli.status_notices import (
    notices_as_json,
    point_gaps,
    refusals_as_json,
    show_notices,
    show_point_gaps,
    show_refusals,
    show_setting_reads,
)
from pipelines.cli.status_rows import COLUMNS, fix_command, rows
from pipelines.device_names import DeviceNames
from pipelines.health.calendar import calendars, svg
from pipelines.health.day_words import count_in_words, describe_days, state_words
from pipelines.health.device_answers import describe_setting_reads
from pipelines.health.freshness import Freshness, freshness
from pipelines.health.notices import notices
from pipelines.health.overview import DeviceOverview, Overview, describe_failures, overview
from pipelines.health.refusal_lines import refused
from pipelines.health.schedule_watch import describe_staleness
from pipelines.known_devices import known_devices, last_discovery
from pipelines.open_folder import stored_account
from pipelines.pending_builds import describe, pending
from pipelines.selection import daily, selected, selected_snapshots
from pipelines.settings import Settings
from warehouse.coverage import Gap, State
from warehouse.lake import Lake

_OUT = console()
_GAPS_SHOWN = 20
_DEVICES_NAMED = 10


@click.command()
@format_option("json", "csv")
@click.option(
    "--calendar",
    "--picture",
    "calendar",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.svg",
    help="Draw a calendar of each device's days.",
)
@click.option(
    "--gaps", "with_gaps", is_flag=True, help="Also list the gaps between data points within days."
)
@pass_settings
def status(settings: Settings, layout: str, calendar: Path | None, with_gaps: bool) -> None:
    """Show coverage by device and month, gaps and failures."""
    if with_gaps and layout != "table":
        raise KnownError(
            f'--gaps requires --format table: use givlake query "FROM gaps" --format {layout}.',
            EXIT_USAGE,
        )
    chosen = selected(settings)
    with opened_for_reading(settings, warn_if_empty=False) as lake:
        devices, discovery = known_devices(lake), last_discovery(lake)
        overviews = [
            overview(
                lake,
                each,
                of_kinds(devices, each.device_kinds),
                settings.range_days,
                zone_of(settings, lake.state.all()),
            )
            for each in daily(chosen)
        ]
        snapshots = freshness(lake, selected_snapshots(chosen), settings)
        by_dataset = notices(lake, chosen, settings)
        refusals = unavailable(lake)
        found_refusals = refused(lake, by_dataset)
        not_built = pending(lake)
        gaps = point_gaps(lake) if with_gaps else None
        staleness = describe_staleness(lake)
        setting_reads = [line for line, _ in describe_setting_reads(lake, settings, chosen)]
        zone = zone_notice(settings, lake.state.all())
        if calendar is not None:
            _draw(lake, settings, calendar)
    account = stored_account(settings)
    if not_built:
        # On standard error where a program reads standard output.
        console(stderr=layout != "table").print(describe(not_built))
    if layout == "json":
        parts = [*map(_as_json, overviews), *map(_snapshot_as_json, snapshots)]
        found = counts_as_json(lake)
        parts = [
            {
                **part,
                **notices_as_json(by_dataset[part["dataset"]]),
                "refusals": refusals_as_json(refusals.get(part["dataset"], {})),
                "findings": found.get(part["dataset"], {}),
                "pending_responses": not_built.get(part["dataset"], Counter()).total(),
            }
            for part in parts
        ]
        click.echo(json.dumps(parts, indent=2))
    elif layout == "csv":
        click.echo(as_csv(COLUMNS, list(rows(overviews, snapshots))), nl=False)
    elif not any(devices.values()):
        if discovery is None:
            advice = "yet: start with givlake backfill."
        else:
            advice = f"as of {discovery.at:%Y-%m-%d %H:%M} UTC."
        _OUT.print(f"No devices are known in {settings.data} {advice}")
    else:
        for each in overviews:
            _show(each, only=len(overviews) == 1)
        _show_snapshots(snapshots)
        show_setting_reads(setting_reads)
        show_refusals(found_refusals)
        show_notices(lake, by_dataset.values(), DeviceNames(devices))
        if gaps is not None:
            show_point_gaps(gaps)
        snapshot = budget_snapshot(settings, account) if account is not None else None
        if snapshot is not None:
            for line in filter(None, (shared_budget_line(settings), *budget_lines(snapshot))):
                _OUT.print(line)
            if requests := sum(each.requests for each in overviews):
                seconds = max(snapshot.seconds_for(requests), snapshot.window_s)
                _OUT.print(
                    f"Missing requested days take {plural(requests, 'request')}:"
                    f" givlake sync fetches them in about {duration(seconds)}"
                )
    for sentence in filter(None, (staleness, zone)) if any(devices.values()) else ():
        # On standard error where a program reads standard output.
        console(stderr=layout != "table").print(printable(sentence))
    settled = all(each.settled for each in overviews) and all(each.settled for each in snapshots)
    raise SystemExit(EXIT_COMPLETE if settled else EXIT_INCOMPLETE)


def _draw(lake: Lake, settings: Settings, file: Path) -> None:
    """Write the calendars of all devices as SVG."""
    picture = svg(calendars(lake, daily(selected(settings))), "Coverage by day")
    try:
        file.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise KnownError(
            f"--calendar {file} cannot be written ({error.strerror}): use another file.",
            EXIT_USAGE,
        ) from error


def _show_snapshots(snapshots: Sequence[Freshness]) -> None:
    """Print the age of the data of snapshot datasets, and their problems."""
    rows = []
    for each in snapshots:
        states = Counter(request.state for request in each.last_requests)
        states[State.NOT_REQUESTED] += len(each.not_requested)
        counts = ", ".join(f"{n:,} {words}" for words, n in count_in_words(states).items())
        none = "not available" if each.unavailable.get("") else "nothing to request"
        when = f"{each.oldest_at:%Y-%m-%d %H:%M}" if each.oldest_at else ""
        rows.append([each.dataset, f"{each.rows:,}", when, counts or none])
    _OUT.print("Snapshot datasets:\n")
    _OUT.print(table(["dataset", "rows", "fetched (UTC)", "state"], rows, right=["rows"]))
    problems = [sentence for each in snapshots for sentence in each.problems]
    for sentence in problems[:_GAPS_SHOWN]:
        _OUT.print(printable(f"  {sentence}. Fix: givlake sync"))
    _OUT.print()


def _snapshot_as_json(snapshot: Freshness) -> dict[str, Any]:
    return {
        "dataset": snapshot.dataset,
        "rows": snapshot.rows,
        "last_requests": [
            {
                "device_id": each.device_id,
                "device_name": snapshot.names[each.device_id],
                "state": str(each.state),
                "complete_at": each.complete_at and each.complete_at.isoformat(),
                "reason": each.reason or None,
            }
            for each in snapshot.last_requests
        ],
        "not_requested": snapshot.not_requested,
        "not_available": {name: str(why) for name, why in snapshot.unavailable.items()},
    }


def _show(summary: Overview, *, only: bool) -> None:
    """Print a dataset; its fix commands name it unless it is the only dataset."""
    totals = describe_days(summary.days_by_state, summary.checks)
    _OUT.print(f"{summary.dataset}: {totals if summary.days_by_state else 'nothing expected'}\n")
    states = list(count_in_words(summary.days_by_state, summary.checks.total()))
    groups = [
        (
            device.name,
            [[months, *(days[state] or "" for state in states)] for months, days in _spans(device)],
        )
        for device in summary.devices
    ]
    if states:
        print_groups(_OUT, ["device", "month", *states], groups, right=states)
    missing = {device.device_id: device.gaps for device in summary.devices}
    _show_gaps("Missing, newest first:", summary, missing, only=only)
    not_whole = {device.device_id: device.not_whole for device in summary.devices}
    title = "Not whole; sync looks again, until 32 days after each day:"
    _show_gaps(title, summary, not_whole, only=only)
    _OUT.print()


def _show_gaps(
    title: str, summary: Overview, by_device: Mapping[str, Sequence[Gap]], *, only: bool
) -> None:
    """Print the gaps of devices, with the commands that fix them."""
    gaps = _grouped_gaps(by_device)
    names_by_id = {device.device_id: device.name for device in summary.devices}
    if gaps:
        _OUT.print(f"\n{title}")
    for device_ids, gap in gaps[:_GAPS_SHOWN]:
        is_all = len(device_ids) == len(summary.devices) or len(device_ids) > _DEVICES_NAMED
        command = fix_command(
            gap.state,
            gap.first,
            gap.last,
            dataset="" if only else summary.dataset,
            device_ids=() if is_all else device_ids,
        )
        names = [names_by_id[device_id] for device_id in device_ids]
        _OUT.print(f"  {_describe_gap(names, gap)}{printable(command)}")
    if len(gaps) > _GAPS_SHOWN:
        _OUT.print(f"  and {len(gaps) - _GAPS_SHOWN} more: see --format json")


def _spans(device: DeviceOverview) -> Iterator[tuple[str, Counter[str]]]:
    """Yield a device's months, newest first, with the days by the words for their states.

    Months in one and the same state are merged.
    """
    spans: list[tuple[str, str, Counter[str]]] = []
    for month in sorted(device.months, reverse=True):
        days = Counter(count_in_words(device.months[month], device.empty_so_far[month]))
        if spans and len(days) == 1 and set(days) == set(spans[-1][2]):
            spans[-1] = (month, spans[-1][1], spans[-1][2] + days)
        else:
            spans.append((month, month, days))
    for first, last, days in spans:
        yield (last if first == last else f"{first} to {last}"), days


def _grouped_gaps(by_device: Mapping[str, Sequence[Gap]]) -> list[tuple[list[str], Gap]]:
    """Group gaps of devices that have the same state, reason and last day."""
    groups: dict[tuple[date, State, str], tuple[list[str], Gap]] = {}
    for device_id, gaps in by_device.items():
        for gap in gaps:
            key = (gap.last, gap.state, gap.reason)
            device_ids, widest = groups.setdefault(key, ([], gap))
            device_ids.append(device_id)
            groups[key] = (device_ids, min(widest, gap, key=lambda each: each.first))
    return [groups[key] for key in sorted(groups, key=lambda key: key[0], reverse=True)]


def _describe_gap(names: Sequence[str], gap: Gap) -> str:
    devices = names[0] if len(names) == 1 else plural(len(names), "device")
    days = str(gap.first) if gap.first == gap.last else f"{gap.first} to {gap.last}"
    state = state_words(gap.state)
    reason = f": {gap.reason.rstrip('.')}" if gap.state is not State.NOT_REQUESTED else ""
    failures = describe_failures(gap.error_count, gap.last_error_at)
    return printable(f"{devices}, {days}, {state}{reason}{failures}. Fix: ")


def _as_json(summary: Overview) -> dict[str, Any]:
    return {
        "dataset": summary.dataset,
        "days_by_state": {str(state): n for state, n in sorted(summary.days_by_state.items())},
        "devices": [
            {
                "device_id": device.device_id,
                "device_name": device.name,
                "rows": device.rows,
                "days_by_state": {str(s): n for s, n in sorted(device.days_by_state.items())},
                "months": {
                    month: {str(state): number for state, number in sorted(days.items())}
                    for month, days in device.months.items()
                },
                "missing": [_gap_as_json(gap) for gap in device.gaps],
                "not_whole": [_gap_as_json(gap) for gap in device.not_whole],
            }
            for device in summary.devices
        ],
    }


def _gap_as_json(gap: Gap) -> dict[str, Any]:
    return {
        "first": gap.first.isoformat(),
        "last": gap.last.isoformat(),
        "state": str(gap.state),
        "reason": gap.reason or None,
        "error_count": gap.error_count,
        "last_error_at": gap.last_error_at and gap.last_error_at.isoformat(),
    }
