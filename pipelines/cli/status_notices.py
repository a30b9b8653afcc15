"""The notes of `givlake status`: refusals, quarantine, drift, open events, gaps within days."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from assets.framework.ingestion.availability import Refusal
from pipelines.cli.common import console, duration, plural, printable
from pipelines.health.notices import Notices, sql
from warehouse import Lake, connect, retrying

_OUT = console()
_GAPS_SHOWN = 20
_DRIFT_NAMED = 3
_REFUSALS_SHOWN = 10
_EXAMPLE_SHOWN = 60
_CAUSES = {
    "not_fetched": "not fetched from the API",
    "not_sent": "inverter on, points not sent",
    "device_off": "inverter off",
    "unknown": "cause unknown",
}


def show_notices(notices: Iterable[Notices]) -> None:
    """Print a line per notice, with the command for details."""
    lines = [line for each in notices if each for line in _lines(each)]
    if lines:
        _OUT.print("Notes:\n")
    for line in lines:
        _OUT.print(printable(f"  {line}"))
    if lines:
        _OUT.print()


def show_refusals(refused: Mapping[str, Mapping[str, Refusal]]) -> None:
    """Print what the API refuses, with the age of each refusal.

    Args:
        refused: Refusals by dataset and subject, "" for the whole dataset.
    """
    if refused:
        _OUT.print("Refused by the API:\n")
    for dataset, refusals in refused.items():
        # A refusal of the whole dataset says what those of single devices do.
        shown = {"": refusals[""]} if "" in refusals else refusals
        for subject, refusal in list(shown.items())[:_REFUSALS_SHOWN]:
            _OUT.print(printable(f"  {f'{dataset} {subject}'.strip()}: {refusal}"))
        if (more := len(shown) - _REFUSALS_SHOWN) > 0:
            _OUT.print(f"  {dataset}: and {more} more: see --format json")
    if refused:
        _OUT.print(
            "\n  At once: givlake doctor tries them, givlake backfill --dataset NAME fetches\n"
        )


def refusals_as_json(refusals: Mapping[str, Refusal]) -> list[dict[str, Any]]:
    """Return the refusals of a dataset for `--format json`."""
    return [
        {
            "subject": subject or None,
            "reason": refusal.why,
            "since": _iso(refusal.since or refusal.at),
            "last_asked_at": _iso(refusal.at),
            "is_confirmed": refusal.is_confirmed,
            "asked_again_at": _iso(refusal.asked_again_at),
        }
        for subject, refusal in refusals.items()
    ]


def _lines(notices: Notices) -> Iterator[str]:
    if notices.quarantined:
        reasons = ", ".join(f"{rows:,} {reason}" for reason, rows in notices.quarantined.items())
        rows = plural(sum(notices.quarantined.values()), "row")
        yield (
            f"{notices.dataset}: {rows} quarantined ({reasons}):"
            f" givlake quarantine --dataset {notices.dataset}"
        )
    if notices.drift:
        named = ", ".join(map(_drifted, notices.drift[:_DRIFT_NAMED]))
        more = ", …" if len(notices.drift) > _DRIFT_NAMED else ""
        yield (
            f"{notices.dataset}: {plural(len(notices.drift), 'undocumented value')}"
            f" ({named}{more}): givlake query"
            f" \"FROM drift WHERE dataset = '{notices.dataset}'\""
        )
    if notices.open:
        stale = (
            f", {len(notices.stale):,} of them for more than 30 days (checked weekly)"
            if notices.stale
            else ""
        )
        oldest = notices.open[0]
        yield (
            f"{notices.dataset}: {len(notices.open):,} open{stale}, oldest since"
            f" {_utc(oldest.began_at)} ({oldest.device_id}): givlake query"
            f' "FROM {notices.open_table} WHERE NOT has_ended"'
        )


def _drifted(row: dict[str, Any]) -> str:
    kind = row["kind"].replace("_", " ")
    times = "once" if row["count"] == 1 else f"{row['count']:,} times"
    return f"{kind} {row['field']} = {row['example'][:_EXAMPLE_SHOWN]}, {times}"


def notices_as_json(notices: Notices) -> dict[str, Any]:
    """Return the notices of a dataset for `--format json`."""
    return {
        "quarantined": notices.quarantined,
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
        rows = retrying(lambda: connection.sql(sql("gaps")).to_arrow_table())
    return list(rows.to_pylist())


def show_point_gaps(gaps: list[dict[str, Any]]) -> None:
    """Print the gaps, the newest first, and their number by cause."""
    if not gaps:
        _OUT.print("No gaps of more than 30 minutes between data points.\n")
        return
    causes = Counter(gap["cause"] for gap in gaps)
    counts = ", ".join(f"{_CAUSES[cause]}: {number:,}" for cause, number in causes.items())
    _OUT.print(f"{plural(len(gaps), 'gap')} of more than 30 minutes ({counts})\n")
    for gap in gaps[:_GAPS_SHOWN]:
        known = "; total energy known from counters" if gap["is_energy_known"] else ""
        _OUT.print(
            printable(
                f"  {gap['inverter_serial']}, {_utc(gap['last_point_at'])} to"
                f" {_utc(gap['next_point_at'])} UTC ({duration(gap['duration_s'])}):"
                f" {_CAUSES[gap['cause']]}{known}"
            )
        )
    if len(gaps) > _GAPS_SHOWN:
        _OUT.print(f'  and {len(gaps) - _GAPS_SHOWN} more: givlake query "FROM gaps"')
    _OUT.print()


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
