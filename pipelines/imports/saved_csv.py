"""Read a CSV file as data points of the API; what its columns do not say is left out."""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from pipelines.imports.csv_columns import CsvColumns, csv_columns
from pipelines.imports.recognition import NotUnderstoodError, moment
from pipelines.imports.saved_values import DamagedJsonError, SavedValue, encoding_of

_DELIMITERS = ",;\t"
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?([eE][+-]?\d{1,3})?")
_MOST_CHARACTERS = 1 << 20
_NONE = ("", "null", "none", "nan", "n/a", "-")


def looks_like_csv(head: bytes) -> bool:
    """Return whether a file begins with a line of several names, as no JSON does."""
    line = head.decode(encoding_of(head), "replace").lstrip().partition("\n")[0]
    return line[:1] not in ("", "{", "[") and any(mark in line for mark in _DELIMITERS)


class CsvPoints:
    """The rows of a CSV file.

    Attributes:
        columns: What its columns are.
    """

    def __init__(self, stream: io.BufferedReader) -> None:
        """Read the header.

        Args:
            stream: UTF-8, or UTF-16 with a mark.

        Raises:
            NotUnderstoodError: The columns do not say what is needed of a data point.
        """
        encoding = encoding_of(stream.peek(2))
        text = io.TextIOWrapper(stream, encoding=encoding, newline="")
        try:
            first = text.readline(_MOST_CHARACTERS)
        except UnicodeDecodeError as error:
            raise NotUnderstoodError("it is no text") from error
        delimiter = max(_DELIMITERS, key=first.count)
        header = next(csv.reader([first], delimiter=delimiter), [])
        self.columns = csv_columns(header)
        self._header = header
        self._rows = csv.reader(text, delimiter=delimiter)
        if self.columns.time is None or not self.columns.leaves:
            lacks = "a time" if self.columns.time is None else "a unit, or which sign is which"
            raise NotUnderstoodError(f"CSV whose columns do not say {lacks}: {_named(header)}")

    def rows(self) -> Iterator[tuple[str | None, SavedValue]]:
        """Yield the serial number of each row, if it has one, and the row as a data point.

        Raises:
            DamagedJsonError: The rest of the file is no CSV.
            NotUnderstoodError: A time does not say its zone.
        """
        try:
            for cells in self._rows:
                if any(cell.strip() for cell in cells):
                    yield self._row(cells)
        except (csv.Error, UnicodeDecodeError) as error:
            line = self._rows.line_num + 1
            raise DamagedJsonError(f"it is no CSV from line {line:,} on ({error})") from error

    def _row(self, cells: list[str]) -> tuple[str | None, SavedValue]:
        columns = self.columns
        if len(cells) > len(self._header):
            line = self._rows.line_num + 1
            raise DamagedJsonError(f"line {line:,} has {len(cells)} cells, its header fewer")
        cells += [""] * (len(self._header) - len(cells))
        point = {"time": _time(cells, columns)}
        for number, (leaf, factor) in columns.leaves.items():
            _set(point, leaf, _value(cells[number].strip(), factor, leaf))
        text = msgspec.json.encode(point).decode()
        serial = None if columns.serial is None else cells[columns.serial].strip() or None
        return serial, SavedValue(point, text, None)


def _time(cells: list[str], columns: CsvColumns) -> str:
    assert columns.time is not None
    text = cells[columns.time].strip()
    read = moment(text)
    if read is not None and read.tzinfo is None:
        if not columns.is_utc:
            raise NotUnderstoodError("CSV whose times do not say their time zone")
        return f"{read.isoformat()}Z"
    return text if read is None else read.isoformat()


def _value(text: str, factor: float, leaf: str) -> Any:
    """Return a cell; one that is no number stays as it is, and the quarantine gets it."""
    if text.casefold() in _NONE:
        return None
    if leaf == "is_metered" and text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    if leaf == "status" or _NUMBER.fullmatch(text) is None:
        return text
    if factor != 1.0:
        return float(text) * factor
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _set(point: dict[str, Any], leaf: str, value: Any) -> None:
    *parents, name = leaf.split(".")
    for parent in parents:
        point = point.setdefault(parent, {})
    point[name] = value


def _named(header: list[str]) -> str:
    names = [name.strip() for name in header if name.strip()]
    return ", ".join(names[:6]) + (" …" if len(names) > 6 else "")
