"""The notes of `givlake status`: refusals, quarantine, drift, open events, gaps within days."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from assets.framework.ingestion.availability import Refusal
from givenergy.server_clock import utc_now
from pipelines.cli.common import console, duration, plural, printable
from pipelines.cli.finding_lines import CAUSES, drift_line, finding_lines
from pipelines.device_names import DeviceNames
from pipelines.health.notices import NEW_WITHIN, Notices, QuarantinedRows, sql
from pipelines.health.refusal_lines import Refused
from warehouse.connection import connect, fetch_table
from warehouse.lake import Lake

_OUT = console()
_GAPS_SHOWN = 20
_REFUSALS_SHOWN = 30


def show_notices(lake: Lake, notices: Iterable[Notices], names: DeviceNames) -> None:
    """Print a line per notice, with the command for details."""
    lines = [line for each in notices if each for line in _lines(each, names)]
    lines += finding_lines(lake)
    if lines:
        _OUT.print("Notes:\n")
    for line in lines:
        _OUT.print(printable(f"  {line}"))
    if lines:
        _OUT.print()


def show_refusals(found: Refused) -> None:
    """Print what the API refuses, with what it said and the age of each refusal."""
    if not found:
        return
    for line in found.summary:
        _OUT.print(printable(line))
    _OUT.print(f"{'Details' if found.summary else 'Refused by the API'}:\n")
    lines = list(found.details())
    for line in lines[:_REFUSALS_SHOWN]:
        _OUT.print(printable(f"  {line}"))
    if (more := len(lines) - _REFUSALS_SHOWN) > 0:
        _OUT.print(f"  and {more} more: see --format json")
    _OUT.print("\n  At once: givlake doctor tries them, givlake backfill --dataset NAME fetches\n")


def show_setting_reads(lines: Sequence[str]) -> None:
    """Print how often settings are read, and when each inverter last answered."""
    if lines:
        first, *others = lines
        _OUT.print(printable(f"Settings read {first}"))
        _OUT.print()
        for line in others:
            _OUT.print(printable(f"  {line}"))
        _OUT.print()


def refusals_as_json(refusals: Mapping[str, Refusal]) -> list[dict[str, Any]]:
    """Return the refusals of a dataset for `--format json`."""
    return [
        {
            "subject": subject or None,
            "reason": refusal.why,
            "cause": str(refusal.cause),
            "scope": refusal.scope or None,
            "since": _iso(refusal.since or refusal.at),
            "last_asked_at": _iso(refusal.at),
            "is_confirmed": refusal.is_confirmed,
            "asked_again_at": _iso(refusal.asked_again_at),
        }
        for subject, refusal in refusals.items()
    ]


def _lines(notices: Notices, names: DeviceNames) -> Iterator[str]:
    command = f"givlake quarantine --dataset {notices.dataset}"
    if notices.quarantined.rows:
        counts = _counts(notices.quarantined)
        rows = plural(notices.quarantined.rows, "row")
        yield f"{notices.dataset}: {rows} quarantined ({counts}): {command}"
    if notices.nulled.rows:
        counts = _counts(notices.nulled)
        rows = plural(notices.nulled.rows, "row")
        yield f"{notices.dataset}: {rows} with a quarantined value, now null ({counts}): {command}"
    if notices.drift:
        since = utc_now() - NEW_WITHIN
        yield drift_line(notices, new=sum(row["first_seen_at"] >= since for row in notices.drift))
    if notices.open:
        stale = (
            f", {len(notices.stale):,} of them for more than 30 days (checked weekly)"
            if notices.stale
            else ""
        )
        oldest = notices.open[0]
        yield (
            f"{notices.dataset}: {len(notices.open):,} open{stale}, oldest since"
            f" {_utc(oldest.began_at)} ({names[oldest.device_id]}): givlake query"
            f' "FROM {notices.open_table} WHERE NOT has_ended"'
        )


def _counts(quarantined: QuarantinedRows) -> str:
    reasons = ", ".join(f"{rows:,} {reason}" for reason, rows in quarantined.by_reason.items())
    return f"{reasons}{_new(quarantined.new)}"


def _new(count: int) -> str:
    return f"; {count:,} of the last 7 days" if count else ""


def notices_as_json(notices: Notices) -> dict[str, Any]:
    """Return the notices of a dataset for `--format json`."""
    return {
        "quarantined": notices.quarantined.by_reason,
        "values_quarantined": notices.nulled.by_reason,
        "drift": [{**row, "first_seen_at": _iso(row["first_seen_at"])} for row in notices.drift],
        "open": [
            {
                "device_id": item.device_id,
                "began_at": _iso(item.began_at),
                "is_stale": item in notices.stale,
            }
            for item in notices.open
        ],
    }


def point_gaps(lake: Lake) -> list[dict[str, Any]]:
    """Return the gaps between the data points of inverters; this reads every point."""
    with connect(lake) as connection:
        rows = fetch_table(connection, sql("gaps"))
    return list(rows.to_pylist())


def show_point_gaps(gaps: list[dict[str, Any]]) -> None:
    """Print the gaps, the newest first, and their number by cause."""
    if not gaps:
        _OUT.print("No gaps of more than 30 minutes between data points.\n")
        return
    causes = Counter(gap["cause"] for gap in gaps)
    counts = ", ".join(f"{CAUSES[cause]}: {number:,}" for cause, number in causes.items())
    _OUT.print(f"{plural(len(gaps), 'gap')} of more than 30 minutes ({counts})\n")
    for gap in gaps[:_GAPS_SHOWN]:
        known = "; total energy known from counters" if gap["is_energy_known"] else ""
        _OUT.print(
            printable(
                f"  {gap['inverter_serial']}, {_utc(gap['last_point_at'])} to"
                f" {_utc(gap['next_point_at'])} UTC ({duration(gap['duration_s'])}):"
                f" {CAUSES[gap['cause']]}{known}"
            )
        )
    if len(gaps) > _GAPS_SHOWN:
        _OUT.print(f'  and {len(gaps) - _GAPS_SHOWN} more: givlake query "FROM gaps"')
    _OUT.print()


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
