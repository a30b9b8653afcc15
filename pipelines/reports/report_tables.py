"""The figures of a report as plain HTML tables, which need no script.

Every text is escaped: names of devices and events come from the API.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from html import escape
from typing import Any

from pipelines.reports.cell_formats import (
    NOT_KNOWN,
    TEXTS,
    Formatter,
    formatters,
    of_days,
    worded,
)
from pipelines.reports.report_period import ReportPeriod, days_title
from pipelines.reports.table_specs import KEY_FIGURES, TABLES, Column, TableSpec

Columns = Mapping[str, Sequence[Any]]
_BATTERY = frozenset({"charge", "discharge", "battery", "battery_saved", "battery_health"})
_IN_SHORT = frozenset({"solar", "home", "net_cost"})
# The pictures have the others.
_MOST_ROWS = 200
# A chart has no more rows of lists.
_MOST_SENT = 500
_NODES = ("solar", "battery", "grid", "home")
_NODE_NAMES = {"solar": "Solar", "battery": "Battery", "grid": "Grid", "home": "Home"}


class ReportTables:
    """The tables of a report's charts."""

    def __init__(
        self, charts: Mapping[str, Any], scope: Mapping[str, Any], period: ReportPeriod
    ) -> None:
        """Take what the tables show.

        Args:
            charts: The charts, as pages of the dashboard get them.
            scope: What they are about.
            period: The period.
        """
        self._charts, self._period = charts, period
        # A house without a battery is sent 0 for it.
        totals = charts.get("totals", {}).get("columns", {})
        battery = [value for name in _BATTERY for value in totals.get(f"{name}_kwh", ())]
        self._left_out = frozenset() if any(battery) else _BATTERY
        self._currency = str(scope["currency"])
        self._formats: Mapping[str, Formatter] = formatters(
            self._currency, str(scope["zone"]), str(scope["bucket"])
        )

    def html(self) -> str:
        """Return all tables that have something to show."""
        parts = [self.key_figures(), self._flows()]
        parts += [self._of_chart(spec) for spec in TABLES]
        return "\n".join(filter(None, parts))

    def key_figures(self) -> str:
        """Return the table of the period's sums beside those of earlier periods."""
        rows = self._total_rows()
        if not rows:
            return ""
        body = []
        for key, title, kind, days_key in self._key_figures():
            values = [self._value(row, key) for row in rows]
            if any(value is not None for value in values):
                cells: list[str] = []
                for row, value in zip(rows, values, strict=True):
                    cells += [self._text(kind, value), _days_note(row, days_key, value)]
                body.append([title, *cells])
        whole = [[of_days(row.get("days"), row.get("days_expected")), ""] for row in rows]
        body.append(["Whole", *(cell for cells in whole for cell in cells)])
        heads = [head for row in rows for head in (self._range_title(row), "")]
        # Beside whole figures nothing is written.
        used = [0, *(at for at in range(1, len(heads) + 1) if at % 2 or any(r[at] for r in body))]
        body = [[row[at] for at in used] for row in body]
        return _table("Sums", [["", *heads][at] for at in used], body, [at % 2 == 1 for at in used])

    def sentences(self) -> Iterator[str]:
        """Yield the key figures as lines of a message."""
        rows = self._total_rows()
        for key, title, kind, days_key in self._key_figures() if rows else ():
            if (value := self._value(rows[0], key)) is not None:
                name, _, unit = title.partition(", ")
                note = _days_note(rows[0], days_key, value)
                figure = f"{self._text(kind, value)}{f' {unit}' if unit else ''}"
                yield f"{name}: {figure}{f' ({note})' if note else ''}"
        if rows:
            yield f"Whole: {of_days(rows[0].get('days'), rows[0].get('days_expected'))}"

    def days(self) -> str:
        """Return how many of the days are whole."""
        rows = self._total_rows()
        return of_days(rows[0].get("days"), rows[0].get("days_expected")) if rows else NOT_KNOWN

    def in_short(self) -> str:
        """Return one sentence with the figures that matter most, and of how many days they are."""
        rows = self._total_rows()
        figures = []
        for key, title, kind, _ in self._key_figures() if rows else ():
            value = self._value(rows[0], key) if key in _IN_SHORT else None
            if value is not None:
                name, _, unit = title.partition(", ")
                # The first decimal is enough here; the tables have the others.
                text = self._text("number" if kind == "kwh" else kind, value)
                figures.append(f"{name} {text}{f' {unit}' if unit else ''}")
        expected = rows[0]["days_expected"] if rows else 0
        whole = f"{self.days()} {'is' if expected == 1 else 'are'} whole."
        if not figures:
            return whole
        first, *others = figures
        return f"{', '.join([first, *(each[0].lower() + each[1:] for each in others)])}; {whole}"

    def _total_rows(self) -> list[dict[str, Any]]:
        rows = {row["start_date"]: row for row in reversed(_rows(self._columns("totals")))}
        # A year is compared once, and nothing with a time before the data.
        return [
            row
            for row in map(_with_all_days, reversed(rows.values()))
            if row["range"] == "shown" or any(self._value(row, key) for key, *_ in KEY_FIGURES)
        ]

    def _key_figures(self) -> list[tuple[str, str, str, str]]:
        return [figure for figure in KEY_FIGURES if figure[0] not in self._left_out]

    def _range_title(self, row: Mapping[str, Any]) -> str:
        first, last = (date.fromisoformat(row[name]) for name in ("start_date", "end_date"))
        return days_title(self._period.kind, first, last)

    def _flows(self) -> str:
        """Return the matrix of sources and destinations."""
        found = {(row["from_node"], row["to_node"]): row for row in _rows(self._columns("flows"))}
        known = {
            pair: row
            for pair, row in found.items()
            if row["energy_kwh"] is not None and not self._left_out & set(pair)
        }
        if not known:
            return ""
        sources = [node for node in _NODES if any(pair[0] == node for pair in known)]
        targets = [node for node in _NODES if any(pair[1] == node for pair in known)]
        body = []
        for source in sources:
            cells = []
            for target in targets:
                row = known.get((source, target))
                cells.append(self._text("kwh", row and row["energy_kwh"]))
                cells.append(self._text("share", row and row.get("share_of_source")))
            body.append([f"from {_NODE_NAMES[source].lower()}", *cells])
        heads = [
            head
            for target in targets
            for head in (f"to {_NODE_NAMES[target].lower()}, kWh", "of its source")
        ]
        one = next(iter(known.values()))
        totals = self._total_rows()
        expected = totals[0]["days_expected"] if totals else one.get("days_expected")
        title = f"From where to where ({of_days(one.get('days'), expected)})"
        return _table(title, ["", *heads], body, [False, *[True] * len(heads)])

    def _of_chart(self, spec: TableSpec) -> str:
        columns = self._columns(spec.chart)
        if not columns or spec.chart in self._left_out:
            return ""
        rows = [row for row in _rows(columns) if self._is_of_period(row)]
        shown = [
            column
            for column in spec.columns
            if column.key not in self._left_out
            and any(self._value(row, column.key) is not None for row in rows)
        ]
        if not shown and spec.is_event:
            return _nothing(spec.title, spec.nothing)
        # Days alone are no figures.
        if not any(spec.is_event or column.kind not in {*TEXTS, "days"} for column in shown):
            return ""
        body = [[self._cell(row, column) for column in shown] for row in rows[:_MOST_ROWS]]
        return _table(
            spec.title + self._shown_of(spec, rows),
            [column.title for column in shown],
            body,
            [column.kind not in TEXTS for column in shown],
            [column.kind == "long" for column in shown],
        )

    def _shown_of(self, spec: TableSpec, rows: Sequence[Mapping[str, Any]]) -> str:
        """Return how many of the rows that there are a table shows, or of how many days it is."""
        if spec.chart == "missing":
            days = sum(row["days"] * row.get("devices", 1) for row in rows)
            return f": {days:,} day{'' if days == 1 else 's'}, of each dataset and device"
        if len(rows) <= _MOST_ROWS:
            return ""
        number = f"{len(rows):,}"
        if spec.chart == "car_sessions":
            counts = self._columns("car").get("sessions", ())
            number = f"{max(len(rows), sum(filter(None, counts))):,}"
        elif spec.is_event and len(rows) >= _MOST_SENT:
            number += " or more"
        return f" ({_MOST_ROWS} of {number})"

    def _is_of_period(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row is of the period; the battery's health is of all its months."""
        return str(row.get("month", self._period.first)) >= self._period.first.isoformat()

    def states(self) -> str:
        """Return how many days of each dataset are in which state."""
        counts: dict[str, Counter[str]] = {}
        for row in _rows(self._columns("calendar")):
            counts.setdefault(row["dataset"], Counter())[row["state"]] += 1
        body = [
            [
                worded("dataset", dataset),
                ", ".join(f"{worded('state', state)} {n:,}" for state, n in of.most_common()),
            ]
            for dataset, of in sorted(counts.items())
        ]
        if not body:
            return ""
        return _table("Days by state", ["dataset", "days"], body, [False, False])

    def _columns(self, chart: str) -> Columns:
        found: Columns = self._charts.get(chart, {}).get("columns", {})
        return found

    def _cell(self, row: Mapping[str, Any], column: Column) -> str:
        if column.kind == "days":
            days, expected = row.get("days"), row.get("days_expected")
            if expected == 1:
                return "yes" if days else "no"
            return of_days(days, expected)
        return self._text(column.kind, self._value(row, column.key))

    def _value(self, row: Mapping[str, Any], key: str) -> Any:
        """Return a value by the name of its column, without its unit or currency."""
        for name in (key, f"{key}_kwh", f"{key}_{self._currency.lower()}"):
            if name in row:
                return row[name]
        return None

    def _text(self, kind: str, value: Any) -> str:
        return NOT_KNOWN if value is None else self._formats[kind](value)


def _rows(columns: Columns) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _days_note(row: Mapping[str, Any], days_key: str, value: Any) -> str:
    """Return of how many days a figure is, if that is not all of them."""
    days, expected = row.get(days_key, row.get("days")), row.get("days_expected")
    return "" if value is None or days == expected else of_days(days, expected)


def _with_all_days(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return sums as of all days up to today, also where the data begin later."""
    first, last = (date.fromisoformat(row[name]) for name in ("start_date", "end_date"))
    return {**row, "days_expected": (last - first).days + 1}


def _nothing(title: str, sentence: str) -> str:
    return f"<h3>{escape(title)}</h3>\n<p>{escape(sentence)}</p>"


def _table(
    title: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    is_number: Sequence[bool],
    is_long: Sequence[bool] = (),
) -> str:
    classes = [" class=number" if right else "" for right in is_number]
    for at, wraps in enumerate(is_long):
        classes[at] = " class=long" if wraps else classes[at]
    lines = [
        f'<div class="table-scroll"><table>\n<caption>{escape(title)}</caption>',
        "<thead><tr>",
    ]
    lines += [
        f'<th scope="col"{of}>{escape(head)}</th>' for of, head in zip(classes, heads, strict=True)
    ]
    lines.append("</tr></thead>\n<tbody>")
    for first, *others in rows:
        cells = "".join(
            f"<td{of}>{escape(cell)}" for of, cell in zip(classes[1:], others, strict=True)
        )
        # A table of a year has thousands of cells: HTML ends them by itself.
        lines.append(f"<tr><th scope=row>{escape(first)}{cells}")
    return "\n".join([*lines, "</tbody></table></div>"])
