"""Hourly energies and costs, read from the marts."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib import resources
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.home_assistant.statistic import (
    ENERGIES,
    DerivedHours,
    Measure,
    Subject,
    SubjectKind,
)
from warehouse.connection import retrying

# Of all their hours at once: more would need more memory.
_DEVICES_AT_ONCE = 20
# As in `ev_sessions`, a charger of which less fits is outside the inverter's meter.
_SHARE_IN_HOME = 0.9
# Enough for 5 inverters and 5 years; what needs more gets it.
_MEMORY = "200MB"
_HOURS = {
    SubjectKind.SITE: "site_hours",
    SubjectKind.INVERTER: "inverter_hours",
    SubjectKind.CHARGER: "charger_hours",
}
_DAYS = {SubjectKind.SITE: "site_days", SubjectKind.INVERTER: "inverter_days"}


@dataclass(frozen=True, slots=True)
class HourRange:
    """The hours to read.

    Attributes:
        first: First local day.
        last: Last local day.
        until: End of the last whole hour.
    """

    first: date
    last: date
    until: datetime


def sql(name: str, currency: str = "GBP") -> str:
    """Read a query of this package; columns of money are named by the currency."""
    text = resources.files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    return text.replace("_gbp", f"_{currency.lower()}")


class HourlyValues:
    """The values of a subject by hour.

    Attributes:
        subject: What they are about.
        counted_days: By measure, the days of which the rest was added to their last full hour.
    """

    def __init__(self, subject: Subject, hours: pa.Table, days: pa.Table | None) -> None:
        """Take rows of the queries.

        Args:
            subject: What they are about.
            hours: Values by hour.
            days: Values of days that are known as a whole; None to leave them out.
        """
        self.subject = subject
        self.counted_days: dict[str, list[date]] = defaultdict(list)
        self._starts: list[datetime] = hours["hour_at"].to_pylist()
        self._hours = hours
        self._days = [] if days is None else days.to_pylist()

    def values(self, measure: Measure) -> dict[datetime, float]:
        """Return the known values of a measure, by start of the hour, in the order of time."""
        values = self._hours[measure.name].to_pylist()
        # Energies below 0, which a sum that never falls has no place for, are noise.
        known = {
            start: value if measure.is_money else max(0.0, value)
            for start, value in zip(self._starts, values, strict=True)
            if value is not None
        }
        if not self._days:
            return known
        return self._with_days(measure, known)

    @property
    def derived(self) -> DerivedHours | None:
        """Return which known hours of a site or inverter are derived; None if none is."""
        rows = self._hours.filter(self._hours["is_derived"])
        known = [
            any(row[measure.name] is not None for measure in ENERGIES) for row in rows.to_pylist()
        ]
        days = rows["local_date"].filter(pa.array(known, pa.bool_())).to_pylist()
        return DerivedHours(len(days), min(days), max(days)) if days else None

    @property
    def is_in_home(self) -> bool | None:
        """Return whether a charger's energy is in the home's; None if that is unknown."""
        known = pc.sum(self._hours["known_kwh"]).as_py()
        fitting = pc.sum(self._hours["fitting_kwh"]).as_py()
        return None if not known else fitting >= _SHARE_IN_HOME * known

    def _with_days(
        self, measure: Measure, known: Mapping[datetime, float]
    ) -> dict[datetime, float]:
        """Add what the hours of a day lack of the day's energy to its last full hour."""
        by_day: dict[date, list[float]] = defaultdict(list)
        for start, day in zip(self._starts, self._hours["local_date"].to_pylist(), strict=True):
            if start in known:
                by_day[day].append(known[start])
        merged = dict(known)
        for row in self._days:
            hours = by_day[row["local_date"]]
            energy = row[measure.name]
            if energy is None or len(hours) >= row["hours_expected"]:
                continue
            lacking = max(0.0, energy - sum(hours))
            merged[row["last_hour_at"]] = merged.get(row["last_hour_at"], 0.0) + lacking
            self.counted_days[measure.name].append(row["local_date"])
        return dict(sorted(merged.items()))


def hourly_energies(
    connection: duckdb.DuckDBPyConnection,
    subjects: Sequence[Subject],
    hours: HourRange,
    *,
    with_days: bool,
) -> Iterator[HourlyValues]:
    """Yield the hourly energies of subjects, in their order.

    Args:
        connection: A catalogue, with UTC as its time zone.
        subjects: Sites and devices, those of a kind together.
        hours: The hours to read.
        with_days: Whether to add days that are known from counters only.
    """
    for kind, query in _HOURS.items():
        of_kind = [subject for subject in subjects if subject.kind is kind]
        days = _DAYS.get(kind) if with_days else None
        yield from _read(connection, of_kind, hours, sql(query), sql(days) if days else None)


def hourly_costs(
    connection: duckdb.DuckDBPyConnection,
    subjects: Sequence[Subject],
    hours: HourRange,
    currency: str,
) -> Iterator[HourlyValues]:
    """Yield the hourly costs of sites, in their order.

    Args:
        connection: A catalogue, with UTC as its time zone.
        subjects: The sites; the ID of a subject's site is `site`.
        hours: The hours to read.
        currency: ISO code of the currency of the tariffs.
    """
    yield from _read(connection, subjects, hours, sql("cost_hours", currency), None)


def _read(
    connection: duckdb.DuckDBPyConnection,
    subjects: Sequence[Subject],
    hours: HourRange,
    query: str,
    days_query: str | None,
) -> Iterator[HourlyValues]:
    for first in range(0, len(subjects), _DEVICES_AT_ONCE):
        part = subjects[first : first + _DEVICES_AT_ONCE]
        parameters = {
            "devices": [subject.device for subject in part],
            "first": hours.first,
            "last": hours.last,
            "until": hours.until,
        }
        rows = _table(connection, query, parameters)
        days = None if days_query is None else _table(connection, days_query, parameters)
        for subject in part:
            yield HourlyValues(
                subject, _of(rows, subject), None if days is None else _of(days, subject)
            )


def _table(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any]
) -> pa.Table:
    def read() -> pa.Table:
        return connection.sql(query, params=dict(parameters)).to_arrow_table()

    connection.execute(f"SET memory_limit = '{_MEMORY}'")
    try:
        return retrying(read)
    except duckdb.OutOfMemoryException:
        connection.execute("RESET memory_limit")
        return retrying(read)


def _of(rows: pa.Table, subject: Subject) -> pa.Table:
    return rows.filter(pc.equal(rows["device"], subject.device))


def whole_hour(now: datetime) -> datetime:
    """Return the end of the last hour that is over."""
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
