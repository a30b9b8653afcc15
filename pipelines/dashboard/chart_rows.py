"""The rows of a chart, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from pipelines.dashboard.chart_query import ChartQuery
from warehouse.export.sinks import escape_formula


@dataclass(frozen=True, slots=True)
class ChartRows:
    """The rows of a chart.

    Attributes:
        query: The query of the chart.
        sql: Its SQL with the values of the scope, as it runs on the catalogue.
        columns: The values of each column.
    """

    query: ChartQuery
    sql: str
    columns: Mapping[str, Sequence[Any]]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The values of each row by column."""
        values = zip(*self.columns.values(), strict=True)
        return [dict(zip(self.columns, row, strict=True)) for row in values]

    def as_json(self) -> dict[str, object]:
        """Return the chart as pages get it."""
        mart = self.query.mart
        return {
            "columns": self.columns,
            "rows": len(next(iter(self.columns.values()))),
            "sql": self.sql,
            "description": mart.description,
            "notes": mart.notes,
            "column_descriptions": mart.columns,
            "reads": mart.reads,
        }

    def as_csv(self) -> bytes:
        """Return the rows as CSV, with the values as they are in JSON."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        rows = zip(*self.columns.values(), strict=True)
        writer.writerows([_cell(value) for value in row] for row in rows)
        return text.getvalue().encode()


def encode(answer: object) -> bytes:
    """Return an answer as JSON: days as YYYY-MM-DD, moments in UTC with Z, never NaN."""
    return msgspec.json.encode(answer)


def _cell(value: Any) -> object:
    """Return a value as the text of JSON has it; a text that is a formula is marked."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return escape_formula(value) if isinstance(value, str) and value else value
