"""Trace each value of a response to its column, or to the reason why it is in none.

Compares the JSON of a response with the decoded rows of its dataset.
"""

import contextlib
import json
import re
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from assets.framework.contract import json_rows
from assets.framework.contract.dataset import DailyDataset, Dataset
from assets.framework.contract.json_rows import ResponseShape
from assets.framework.decoding.decoder import DatasetDecoder
from assets.framework.decoding.unarchived_response import unarchived_response
from givenergy.redaction import redaction_of
from warehouse.archive import ArchivedResponse
from warehouse.interface.decoder_protocol import Decoded

# Of an open shape, paths are those in a row, wherever that is.
_PREFIX = {
    ResponseShape.LIST: "data[].",
    ResponseShape.SINGLE: "data.",
    ResponseShape.BARE: "",
    ResponseShape.KEYED: "*.",
}
_WITHOUT_ENVELOPE = (ResponseShape.BARE, ResponseShape.KEYED)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\d")
# Placeholders for values that are not archived.
_LEFT_OUT = ({"redacted"}, {"pseudonym"})
_EXTRA = "extra_fields"


@dataclass(slots=True)
class LeafTrace:
    """A leaf of a response and the columns of its values.

    Attributes:
        path: Names with dots between; `[]` for the elements of a list.
        values: Number of values, nulls included.
        nulls: Number of nulls.
        columns: Columns of the values, as `table.column`.
        reasons: Number of values in no column, by reason.
        unaccounted: Values that are in no column without a known reason.
    """

    path: str
    values: int = 0
    nulls: int = 0
    columns: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    unaccounted: list[object] = field(default_factory=list)


def response_from_json(
    dataset: Dataset,
    body: bytes,
    *,
    device_id: str | None = None,
    params: Mapping[str, Any] | None = None,
    zone: str = "UTC",
) -> ArchivedResponse:
    """Return a saved response as it would be archived, with personal values redacted.

    Args:
        dataset: Dataset of the response.
        body: JSON, with or without its envelope.
        device_id: The device, or the number of the account or site; None if it is not known.
        params: Request parameters, as far as they are known.
        zone: IANA time zone in which days are understood.

    Raises:
        ValueError: If the body is not JSON.
    """
    try:
        answer = json.loads(body)
    except RecursionError as error:
        raise ValueError("its JSON is nested too deeply") from error
    is_enveloped = dataset.shape not in _WITHOUT_ENVELOPE and not dataset.shape.is_open
    if is_enveloped and not (isinstance(answer, dict) and "data" in answer):
        answer = {"data": answer}
    if dataset.shape is ResponseShape.LIST and not _is_list(answer["data"]):
        # A single item, in the form of a list.
        answer["data"] = [answer["data"]]
    redaction = redaction_of(
        dataset.endpoint, keep_personal=frozenset(), pseudonym_key=secrets.token_bytes()
    )
    kept, redaction_version = redaction.body(json.dumps(answer).encode())
    return unarchived_response(
        dataset,
        kept,
        device_id=device_id or ("0" if dataset.has_numeric_ids else "-"),
        request_date=datetime.now(UTC).date() if isinstance(dataset, DailyDataset) else None,
        zone=zone,
        params=json.dumps(dict(dataset.sample_params) | dict(params or {})),
        redaction_version=redaction_version,
    )


def trace_fields(dataset: Dataset, response: ArchivedResponse) -> list[LeafTrace]:
    """Return the leaves of a response in order of first appearance."""
    decoded = DatasetDecoder(dataset, any_time=True).decode([response])
    answer = json.loads(response.body)
    if dataset.shape.is_open:
        elements = [
            json.loads(bytes(row)) for row in json_rows.elements(response.body, dataset.shape)
        ]
    else:
        elements = _elements(answer, dataset.shape)
    decoded_values = _DecodedValues(dataset, decoded, elements)
    leaves: dict[str, LeafTrace] = {}
    for element in elements:
        for path, value in _leaves(element):
            leaf = leaves.setdefault(path, LeafTrace(_full_path(path, dataset.shape)))
            leaf.values += 1
            leaf.nulls += value is None
            if (reason := decoded_values.take(path, value)) is None:
                leaf.unaccounted.append(value)
            elif reason:
                leaf.reasons[reason] += 1
    for path, leaf in leaves.items():
        leaf.columns = decoded_values.columns(path)
    return [*leaves.values(), *_envelope(answer, dataset.shape)]


class _DecodedValues:
    """The values in tables and quarantine, each matched at most once."""

    def __init__(self, dataset: Dataset, decoded: Decoded, elements: Sequence[Any]) -> None:
        self._is_partial = dataset.is_partial
        self._columns: dict[str, dict[str, Counter[str]]] = defaultdict(dict)
        self._texts: dict[str, set[str]] = defaultdict(set)
        self._quarantined: dict[str, Counter[str]] = {}
        self._tables: dict[str, set[str]] = defaultdict(set)
        for table in dataset.output_tables:
            rows = decoded.tables[table.name]
            for name, description in table.schema.columns.items():
                source = description.source
                if source is not None or name == _EXTRA:
                    values = _column_values(source, description.arrow_type, rows[name].to_pylist())
                    for path, counted in values.items():
                        self._columns[path][f"{table.name}.{name}"] = counted
                        self._texts[path] |= set(counted)
                        self._tables[path].add(table.name)
        for row in decoded.quarantine.to_pylist():
            element = json.loads(row["raw"]) if row["raw"] else elements[row["row_index"]]
            # Of a row that is kept, only one value is quarantined.
            concerned = _leaf_of(dataset, row) if row["is_row_kept"] else ""
            for path, value in _leaves(element):
                # A value that another table has is not lost.
                if path.startswith(concerned) and row["table"] in self._tables.get(
                    path, {row["table"]}
                ):
                    reasons = self._quarantined.setdefault(path, Counter())
                    reasons[f"{row['reason']}\0{_canonical_text(value)}"] += 1

    def columns(self, path: str) -> list[str]:
        """Return the columns of a leaf."""
        return list(self._columns_of(path))

    def take(self, path: str, value: object) -> str | None:
        """Return "" for a value in a column, otherwise the reason, or None without one."""
        text = _canonical_text(value)
        taken = False
        for counted in self._columns_of(path).values():
            if counted[text]:
                counted[text] -= 1
                taken = True
        if taken:
            return ""
        if value in ([], {}) or (value is None and self._is_object(path)):
            return "empty"
        if isinstance(value, dict):
            return "redacted as personal" if value.keys() == {"redacted"} else "pseudonym"
        for key, number in self._quarantined.get(path, {}).items():
            reason, _, held = key.partition("\0")
            if number and held == text:
                self._quarantined[path][key] -= 1
                return f"in quarantine as {reason}"
        if value is None and self._columns_of(path):
            return "null, replaced"
        if self._is_partial and not self._columns_of(path):
            return "archived only"
        return "repeated in another row" if text in self._texts[path] else None

    def _is_object(self, path: str) -> bool:
        """Return whether a path is an object whose leaves have columns."""
        return any(leaf.startswith(f"{path}.") for leaf in self._columns)

    def _columns_of(self, path: str) -> Mapping[str, Counter[str]]:
        """Return counts by column of a leaf; items of a list can be rows of its column."""
        return self._columns.get(path) or self._columns.get(path.removesuffix("[]"), {})


def _leaf_of(dataset: Dataset, entry: Mapping[str, Any]) -> str:
    """Return the beginning of the path of a quarantined value."""
    column = entry["column"].partition("[]")[0]
    (table,) = (table for table in dataset.output_tables if table.name == entry["table"])
    description = table.schema.columns.get(column)
    return column if description is None else description.source or column


def _column_values(
    source: str | None, kind: pa.DataType, cells: Sequence[Any]
) -> Mapping[str, Counter[str]]:
    """Count the values of a column by their leaf; a column can hold several leaves."""
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for cell in cells:
        for path, value in _cell_values(source, kind, cell):
            held[path][_canonical_text(value)] += 1
    if source is not None and not held:
        held[source] = Counter()
    return held


def _cell_values(source: str | None, kind: pa.DataType, cell: Any) -> Iterator[tuple[str, object]]:
    if source is None:
        for path, value in json.loads(cell or "{}").items():
            yield from _leaves(value, path)
    elif pa.types.is_list(kind) and cell is not None:
        for item in cell:
            if isinstance(item, dict):
                # Fields of a struct are named after the leaf, perhaps with the unit as suffix.
                for name, value in item.items():
                    for leaf in {name, name.split("_")[0]}:
                        yield f"{source}[].{leaf}", value
            else:
                yield f"{source}[]", item
    else:
        yield source, cell
        if isinstance(cell, str) and cell[:1] in ("{", "["):
            yield from _leaves(json.loads(cell), source)
        elif isinstance(cell, str) and (cell in ("true", "false") or cell[:1] == '"'):
            # A single value as JSON, or text that looks so.
            with contextlib.suppress(ValueError):
                yield source, json.loads(cell)


def _elements(answer: Any, shape: ResponseShape) -> list[Any]:
    if shape is ResponseShape.BARE:
        return [answer]
    if shape is ResponseShape.KEYED:
        if not isinstance(answer, dict):
            return [answer]
        rows = json_rows.elements(json.dumps(answer).encode(), shape)
        return [json.loads(bytes(row)) for row in rows]
    data = answer["data"]
    if shape is ResponseShape.SINGLE:
        return [data]
    return list(data.values()) if isinstance(data, dict) else list(data)


def _is_list(data: Any) -> bool:
    return isinstance(data, list) or (isinstance(data, dict) and all(map(str.isdigit, data)))


def _envelope(answer: Any, shape: ResponseShape) -> Iterator[LeafTrace]:
    if shape in _WITHOUT_ENVELOPE or (
        shape.is_open and not (isinstance(answer, dict) and "data" in answer)
    ):
        return
    for name in answer.keys() - {"data"}:
        for path, value in _leaves(answer[name], name):
            yield LeafTrace(path, 1, int(value is None), [], Counter({"paging, archived only": 1}))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield each leaf; an empty list or object is a leaf."""
    if isinstance(value, dict) and value and value.keys() not in _LEFT_OUT:
        for name, child in value.items():
            yield from _leaves(child, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for child in value:
            yield from _leaves(child, f"{path}[]")
    else:
        yield path, value


def _full_path(path: str, shape: ResponseShape) -> str:
    return f"{_PREFIX.get(shape, '')}{path}".removesuffix(".")


def _canonical_text(value: object) -> str:
    """Return the same text for all forms that a value takes during decoding."""
    if isinstance(value, dict) and len(value) == 1 and value.keys() in _LEFT_OUT:
        value = next(iter(value.values()))
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    elif isinstance(value, str) and _TIME.match(value):
        with contextlib.suppress(ValueError):
            value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).replace(tzinfo=None).isoformat()
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00"
    if isinstance(value, bool):
        return str(value)
    return repr(float(value)) if isinstance(value, int | float) else str(value)
