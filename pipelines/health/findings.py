"""What an owner should hear of: figures that do not agree, and gaps between data points.

The comparisons of `assets.reconciliation` read all rows of a month, which is too slow for a command
that only reports. Commands that write look at the months that have changed since they were compared
last (`refresh_findings`); `status` reads what they stored.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.catalogue_views import derived_views
from assets.framework.contract.table import Table
from assets.reconciliation import RECONCILIATIONS
from assets.registry import datasets
from givenergy.server_clock import utc_now
from pipelines.health.notices import NEW_WITHIN, sql
from warehouse.accounting.finding_store import (
    FINDINGS_SCHEMA,
    findings_lock,
    month_digests,
    read_findings,
    write_findings,
)
from warehouse.connection import connect, fetch_table
from warehouse.errors import DamagedError
from warehouse.lake import Lake

GAPS = "gaps"
_EDGE = timedelta(days=2)
# Months that are compared at once.
_MOST_MONTHS = 12
# Sessions are in no month; those of the newest two are compared again when one changes.
_NEWEST_MONTHS = 2
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A view of comparisons: the tables that it reads, with their datasets, and its query."""

    name: str
    tables: tuple[tuple[str, Table], ...]
    query: str
    is_dated: bool


@dataclass(slots=True)
class Findings:
    """The findings of one comparison.

    Attributes:
        check: Name of its view.
        days: Device-days with a finding.
        new: Those with one that was found since a time.
        newest: The device, the day and its items with deviations, the newest first.
        by_item: Number of findings by item.
    """

    check: str
    days: int = 0
    new: int = 0
    newest: list[tuple[str, date, dict[str, float]]] = field(default_factory=list)
    by_item: Counter[str] = field(default_factory=Counter)


def refresh_findings(lake: Lake) -> None:
    """Compare the months that have changed since the last call, and store what is found.

    A damaged file costs the comparison, not the command; `givlake check` names it.
    """
    with findings_lock(lake):
        rows, compared = read_findings(lake)
        now = utc_now()
        comparisons = tuple(_comparisons())
        months = {each.name: _months(lake, each) for each in comparisons}
        if months == compared:
            return
        try:
            with connect(lake) as connection:
                for each in comparisons:
                    for first, last in _changed(months[each.name], compared.get(each.name, {})):
                        found = _compare(connection, each, first, last)
                        rows = _replaced(rows, each.name, first, last, found, now)
        except DamagedError as error:
            _LOG.warning("Figures could not be compared: %s", error)
            return
        write_findings(lake, rows, months)


def findings(lake: Lake, since: datetime | None = None) -> list[Findings]:
    """Return the stored findings of each comparison that has any, without comparing.

    Args:
        lake: The data folder.
        since: From when on findings are new; None for the last 7 days.
    """
    order = [*(each.name for each in RECONCILIATIONS if each.is_finding), GAPS]
    rows, _ = read_findings(lake)
    # An earlier version can have stored those of a comparison that there is no more.
    rows = rows.filter(pc.is_in(rows["check"], pa.array(order)))
    since = since or utc_now() - NEW_WITHIN
    by_check: dict[str, Findings] = {}
    days: dict[str, dict[tuple[date, str], dict[str, float]]] = {}
    new: dict[str, set[tuple[date, str]]] = {}
    for row in rows.to_pylist():
        check, place = row["check"], (row["day"], row["device_id"])
        by_check.setdefault(check, Findings(check)).by_item[row["item"]] += 1
        days.setdefault(check, {}).setdefault(place, {})[row["item"]] = row["deviation"]
        if row["found_at"] >= since:
            new.setdefault(check, set()).add(place)
    for check, summary in by_check.items():
        summary.days = len(days[check])
        summary.new = len(new.get(check, ()))
        summary.newest = [
            (device_id, day, items)
            for (day, device_id), items in sorted(
                days[check].items(),
                key=lambda each: (each[0] in new.get(check, ()), each[0]),
                reverse=True,
            )
        ]
    return sorted(by_check.values(), key=lambda summary: order.index(summary.check))


def _comparisons() -> Iterator[_Comparison]:
    owner = {
        table.name: (dataset.name, table)
        for dataset in datasets()
        for table in dataset.output_tables
    }
    views = {view.name: view.sql for view in derived_views()}
    for each in RECONCILIATIONS:
        if not each.is_finding:
            continue
        tables = tuple(owner[name] for name in each.tables)
        is_dated = any(table.time_column is not None for _, table in tables)
        query = sql("findings").format(view=views[each.name], deviation=each.deviation)
        yield _Comparison(each.name, tables, query, is_dated)
    points = (owner["inverter_data_points"],)
    yield _Comparison(GAPS, points, sql("gap_findings").format(view=views[GAPS]), True)


def _months(lake: Lake, comparison: _Comparison) -> dict[str, str]:
    """Return a hash of the compared rows, and of the comparison, of each month."""
    months = month_digests(lake, [(dataset, table.name) for dataset, table in comparison.tables])
    query = hashlib.sha256(comparison.query.encode()).hexdigest()[:8]
    months = {month: f"{digest}-{query}" for month, digest in months.items()}
    undated = months.pop("", None)
    if not comparison.is_dated:
        return {"": undated} if undated is not None else {}
    for month in sorted(months)[-_NEWEST_MONTHS:]:
        months[month] += undated or ""
    return months


def _changed(
    new: Mapping[str, str], old: Mapping[str, str]
) -> list[tuple[date | None, date | None]]:
    """Return ranges of days to compare again, the last day excluded; None for all days.

    A day at the end of a month has points of the next one, by its time zone. A range is limited, so
    that the memory of a comparison does not depend on the length of history.
    """
    changed = {month for month in new.keys() | old.keys() if new.get(month) != old.get(month)}
    if "" in changed:
        return [(None, None)]
    numbers = {int(month[:4]) * 12 + int(month[5:]) - 1 for month in changed}
    numbers = {near for number in numbers for near in (number - 1, number, number + 1)}
    ranges: list[tuple[date | None, date | None]] = []
    begin: int | None = None
    previous: int | None = None
    for number in [*sorted(numbers), None]:
        is_full = begin is not None and number is not None and number - begin >= _MOST_MONTHS
        if previous is not None and (number != previous + 1 or is_full):
            ranges.append((_first_day(begin), _first_day(previous + 1)))
            begin = None
        begin = number if begin is None else begin
        previous = number
    return ranges


def _first_day(number: int | None) -> date:
    assert number is not None
    return date(number // 12, number % 12 + 1, 1)


def _compare(
    connection: duckdb.DuckDBPyConnection,
    comparison: _Comparison,
    first: date | None,
    last: date | None,
) -> pa.Table:
    """Return the findings on days from `first` to before `last`."""
    (catalogue,) = connection.execute("SELECT current_database()").fetchone() or ("",)
    for _, table in comparison.tables:
        # The views read these tables by name, and a temporary view is found first.
        time = table.time_column
        rows = f'SELECT * FROM "{catalogue}".main."{table.name}"'
        if first is not None and last is not None and time is not None:
            start, end = (
                f"TIMESTAMPTZ '{day} 00:00:00+00'" for day in (first - _EDGE, last + _EDGE)
            )
            rows += f' WHERE "{time}" >= {start} AND "{time}" < {end}'
        connection.execute(f'CREATE OR REPLACE TEMP VIEW "{table.name}" AS {rows}')
    days = {"first": first or date.min, "last": last or date.max}
    try:
        return fetch_table(connection, comparison.query, days)
    finally:
        for _, table in comparison.tables:
            connection.execute(f'DROP VIEW temp.main."{table.name}"')


def _replaced(
    rows: pa.Table,
    check: str,
    first: date | None,
    last: date | None,
    found: pa.Table,
    now: datetime,
) -> pa.Table:
    """Replace the findings of a range of days; one that stays keeps when it was found."""
    known = {
        (row["device_id"], row["day"], row["item"]): row["found_at"]
        for row in rows.filter(pc.equal(rows["check"], check)).to_pylist()
    }
    new = [
        {
            **row,
            "check": check,
            "found_at": known.get((row["device_id"], row["day"], row["item"]), now),
        }
        for row in found.to_pylist()
    ]
    is_compared = pc.equal(rows["check"], check)
    if first is not None:
        is_compared = pc.and_(is_compared, pc.greater_equal(rows["day"], pa.scalar(first)))
        is_compared = pc.and_(is_compared, pc.less(rows["day"], pa.scalar(last)))
    kept = rows.filter(pc.invert(is_compared))
    return pa.concat_tables([kept, pa.Table.from_pylist(new, FINDINGS_SCHEMA)])
