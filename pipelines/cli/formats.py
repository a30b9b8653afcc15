"""Rows for programs: JSON, and CSV that no spreadsheet takes for formulas."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

# What makes a spreadsheet compute a cell, or may hide something that does.
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as a JSON list of objects."""
    return json.dumps(rows, indent=2, default=_plain)


def as_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as CSV with a header; text that would be a formula gets a `'` in front."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return text.getvalue()


def _cell(value: object) -> object:
    plain = _plain(value) if isinstance(value, date) else value
    if isinstance(plain, str) and plain.startswith(_STARTS_A_FORMULA):
        return f"'{plain}"
    return plain


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)
