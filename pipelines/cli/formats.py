"""Rows for programs: JSON, and CSV without spreadsheet formulas."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

# Characters with which a spreadsheet formula can start, and white space that can hide one.
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a JSON list of objects."""
    return json.dumps(rows, indent=2, default=_plain)


def as_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV with a header; text that looks like a formula is prefixed with `'`."""
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
