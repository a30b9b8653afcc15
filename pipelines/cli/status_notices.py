"""The last part of `givlake status`: quarantine, drift, what never ended, gaps inside days."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from pipelines.cli.common import console, duration, plural, printable
from pipelines.health.notices import Notices, sql
from warehouse import Lake, connect, retrying

_OUT = console()
_GAPS_SHOWN = 20
_DRIFT_NAMED = 3
_EXAMPLE_SHOWN = 60
_CAUSES = {
    "not_fetched": "not fetched from the API",
    "not_sent": "the inverter counted on, its points never came",
    "device_off": "the inverter was off",
    "unknown": "no counters to tell by",
}


def show_notes(found: Iterable[Notices]) -> None:
    """Show a line for each thing to know about a dataset, with the command that shows more."""
    lines = [line for notes in found if notes for line in _lines(notes)]
    if lines:
        _OUT.print("Besides:\n")
    for line in lines:
        _OUT.print(printable(f"  {line}"))
    if lines:
        _OUT.print()


def _lines(notes: Notices) -> Iterator[str]:
    if notes.quarantined:
        reasons = ", ".join(f"{rows:,} {reason}" for reason, rows in notes.quarantined.items())
        rows = plural(sum(notes.quarantined.values()), "row")
        yield (
            f"{notes.dataset}: {rows} in quarantine ({reasons}):"
            f" givlake quarantine --dataset {notes.dataset}"
        )
    if notes.drift:
        named = ", ".join(map(_drifted, notes.drift[:_DRIFT_NAMED]))
        more = ", …" if len(notes.drift) > _DRIFT_NAMED else ""
        yield (
            f"{notes.dataset}: {plural(len(notes.drift), 'thing')} that the API's document lacks"
            f" ({named}{more}): givlake query"
            f" \"FROM drift WHERE dataset = '{notes.dataset}'\""
        )
    if notes.open:
        stale = (
            f", {len(notes.stale):,} of them for more than 30 days and looked at weekly only"
            if notes.stale
            else ""
        )
        oldest = notes.open[0]
        yield (
            f"{notes.dataset}: {len(notes.open):,} open{stale}, the oldest since"
            f" {_utc(oldest.began_at)} ({oldest.device_id}): givlake query"
            f' "FROM {notes.open_table} WHERE NOT has_ended"'
        )


def _drifted(row: dict[str, Any]) -> str:
    kind = row["kind"].replace("_", " ")
    times = "once" if row["count"] == 1 else f"{row['count']:,} times"
    return f"{kind} {row['field']} = {row['example'][:_EXAMPLE_SHOWN]}, {times}"


def notes_as_json(notes: Notices) -> dict[str, Any]:
    """Give the same for programs."""
    return {
        "quarantined": notes.quarantined,
        "drift": [{**row, "first_seen_at": _iso(row["first_seen_at"])} for row in notes.drift],
        "open": [
            {
                "device_id": item.device_id,
                "began_at": _iso(item.began_at),
                "is_stale": item in notes.stale,
            }
            for item in notes.open
        ],
    }


def gaps(lake: Lake) -> list[dict[str, Any]]:
    """List the gaps inside the days of inverters; reads every point."""
    with connect(lake) as connection:
        rows = retrying(lambda: connection.sql(sql("gaps")).to_arrow_table())
    return list(rows.to_pylist())


def show_gaps(found: list[dict[str, Any]]) -> None:
    """Show the gaps, the newest first, and how many there are of each kind."""
    if not found:
        _OUT.print("No gap of more than 30 minutes between two points of an inverter.\n")
        return
    causes = Counter(gap["cause"] for gap in found)
    counted = ", ".join(f"{number:,} {_CAUSES[cause]}" for cause, number in causes.items())
    _OUT.print(f"{plural(len(found), 'gap')} of more than 30 minutes: {counted}\n")
    for gap in found[:_GAPS_SHOWN]:
        known = "; the energy is known, the curve is not" if gap["is_energy_known"] else ""
        _OUT.print(
            printable(
                f"  {gap['inverter_serial']}, {_utc(gap['last_point_at'])} to"
                f" {_utc(gap['next_point_at'])} UTC ({duration(gap['duration_s'])}):"
                f" {_CAUSES[gap['cause']]}{known}"
            )
        )
    if len(found) > _GAPS_SHOWN:
        _OUT.print(f'  and {len(found) - _GAPS_SHOWN} more: givlake query "FROM gaps"')
    _OUT.print()


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
