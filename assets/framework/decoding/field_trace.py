"""What becomes of each value of an answer: in which column it lands, or why in none.

Compares an answer, as JSON, with what its dataset makes of it. Belongs here: finding every leaf and
counting where its values are. Does not belong here: decoding, which is the datasets' business.
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

from assets.framework.contract.column_schema import arrow_type_of, source_of
from assets.framework.contract.dataset import DailyDataset, Dataset
from assets.framework.contract.json_rows import ResponseShape
from assets.framework.decoding.decoder import DatasetDecoder
from givenergy.redaction import redaction_of
from warehouse import ArchivedResponse, Decoded

_PREFIX = {ResponseShape.LIST: "data[].", ResponseShape.SINGLE: "data.", ResponseShape.BARE: ""}
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\d")
# What stands in the place of a value that the archive does not hold.
_LEFT_OUT = ({"redacted"}, {"pseudonym"})
_EXTRA = "extra_fields"


@dataclass(slots=True)
class Leaf:
    """A place in an answer, and what becomes of the values that stand there.

    Attributes:
        path: names with dots between; `[]` for the elements of a list.
        values: how many stand there, nulls included.
        nulls: how many of them are null.
        columns: `table.column` of where they land.
        elsewhere: how many do not land, by the reason.
        left_over: values that are in no column and of which no reason is known.
    """

    path: str
    values: int = 0
    nulls: int = 0
    columns: list[str] = field(default_factory=list)
    elsewhere: Counter[str] = field(default_factory=Counter)
    left_over: list[object] = field(default_factory=list)


def saved_answer(
    dataset: Dataset, body: bytes, *, device_id: str, params: str = "{}", zone: str = "UTC"
) -> ArchivedResponse:
    """Make of a saved answer what the archive would hold of it, personal values left out.

    Args:
        dataset: that the answer is for.
        body: JSON, with or without its envelope.
        device_id: of the device that it is about.
        params: JSON of what was asked for.
        zone: IANA time zone in which days are understood.

    Raises:
        ValueError: if it is no JSON.
    """
    answer = json.loads(body)
    if dataset.shape is not ResponseShape.BARE and not (
        isinstance(answer, dict) and "data" in answer
    ):
        answer = {"data": answer}
    if dataset.shape is ResponseShape.LIST and not _is_list(answer["data"]):
        # A thing that was asked for alone, as the list would hold it.
        answer["data"] = [answer["data"]]
    redaction = redaction_of(
        dataset.endpoint, keep_personal=frozenset(), pseudonym_key=secrets.token_bytes()
    )
    kept, redaction_version = redaction.body(json.dumps(answer).encode())
    now = datetime.now(UTC)
    return ArchivedResponse(
        response_id=1,
        fetch_id=1,
        segment=1,
        dataset=dataset.name,
        device_id=device_id,
        request_date=now.date() if isinstance(dataset, DailyDataset) else None,
        request_zone=zone,
        path=dataset.endpoint.path,
        params=params,
        status=200,
        requested_at=now,
        fetched_at=now,
        page=1,
        page_count=1,
        complete=True,
        rows=None,
        redaction_version=redaction_version,
        account="",
        body=kept,
    )


def landing(dataset: Dataset, response: ArchivedResponse) -> list[Leaf]:
    """List the leaves of an archived answer, in the order in which they first stand there."""
    decoded = DatasetDecoder(dataset).decode([response])
    answer = json.loads(response.body)
    elements = _elements(answer, dataset.shape)
    landed = _Landed(dataset, decoded, elements)
    found: dict[str, Leaf] = {}
    for element in elements:
        for path, value in _leaves(element):
            leaf = found.setdefault(path, Leaf(_full(path, dataset.shape)))
            leaf.values += 1
            leaf.nulls += value is None
            if (reason := landed.take(path, value)) is None:
                leaf.left_over.append(value)
            elif reason:
                leaf.elsewhere[reason] += 1
    for path, leaf in found.items():
        leaf.columns = landed.columns(path)
    return [*found.values(), *_envelope(answer, dataset.shape)]


class _Landed:
    """The values that tables and quarantine hold, each to be taken once."""

    def __init__(self, dataset: Dataset, decoded: Decoded, elements: Sequence[Any]) -> None:
        self._columns: dict[str, dict[str, Counter[str]]] = defaultdict(dict)
        self._seen: dict[str, set[str]] = defaultdict(set)
        self._aside: dict[str, Counter[str]] = {}
        self._tables: dict[str, set[str]] = defaultdict(set)
        for table in dataset.output_tables:
            rows = decoded.tables[table.name]
            for name, description in table.schema.columns.items():
                source = source_of(description)
                if source is not None or name == _EXTRA:
                    values = _held(source, arrow_type_of(description), rows[name].to_pylist())
                    for path, counted in values.items():
                        self._columns[path][f"{table.name}.{name}"] = counted
                        self._seen[path] |= set(counted)
                        self._tables[path].add(table.name)
        for row in decoded.quarantine.to_pylist():
            element = json.loads(row["raw"]) if row["raw"] else elements[row["row_index"]]
            for path, value in _leaves(element):
                # What lands in another table than the one that did not take the row is no loss.
                if row["table"] in self._tables.get(path, {row["table"]}):
                    reasons = self._aside.setdefault(path, Counter())
                    reasons[f"{row['reason']}\0{_plain(value)}"] += 1

    def columns(self, path: str) -> list[str]:
        """Name the columns in which a leaf lands."""
        return list(self._of(path))

    def take(self, path: str, value: object) -> str | None:
        """Tell where a value is: "" for a column, a reason for no column, None for nowhere."""
        text = _plain(value)
        taken = False
        for counted in self._of(path).values():
            if counted[text]:
                counted[text] -= 1
                taken = True
        if taken:
            return ""
        if value in ([], {}):
            return "empty"
        if isinstance(value, dict):
            return "left out as personal" if value.keys() == {"redacted"} else "pseudonym"
        for key, number in self._aside.get(path, {}).items():
            reason, _, held = key.partition("\0")
            if number and held == text:
                self._aside[path][key] -= 1
                return f"in quarantine as {reason}"
        if value is None and self._of(path):
            return "null, filled in"
        return "repeats what another row holds" if text in self._seen[path] else None

    def _of(self, path: str) -> Mapping[str, Counter[str]]:
        """Give the columns of a leaf; the items of a list can be rows of its column."""
        return self._columns.get(path) or self._columns.get(path.removesuffix("[]"), {})


def _held(
    source: str | None, kind: pa.DataType, cells: Sequence[Any]
) -> Mapping[str, Counter[str]]:
    """Count what a column holds, by the leaf that it came from; a column can hold many leaves."""
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for cell in cells:
        for path, value in _of_cell(source, kind, cell):
            held[path][_plain(value)] += 1
    if source is not None and not held:
        held[source] = Counter()
    return held


def _of_cell(source: str | None, kind: pa.DataType, cell: Any) -> Iterator[tuple[str, object]]:
    if source is None:
        for path, value in json.loads(cell or "{}").items():
            yield from _leaves(value, path)
    elif pa.types.is_list(kind) and cell is not None:
        for item in cell:
            if isinstance(item, dict):
                # The fields of a struct have the leaf's name and a unit.
                for name, value in item.items():
                    yield f"{source}[].{name.split('_')[0]}", value
            else:
                yield f"{source}[]", item
    else:
        yield source, cell
        if isinstance(cell, str) and cell[:1] in ("{", "["):
            yield from _leaves(json.loads(cell), source)


def _elements(answer: Any, shape: ResponseShape) -> list[Any]:
    if shape is ResponseShape.BARE:
        return [answer]
    data = answer["data"]
    if shape is ResponseShape.SINGLE:
        return [data]
    return list(data.values()) if isinstance(data, dict) else list(data)


def _is_list(data: Any) -> bool:
    return isinstance(data, list) or (isinstance(data, dict) and all(map(str.isdigit, data)))


def _envelope(answer: Any, shape: ResponseShape) -> Iterator[Leaf]:
    if shape is ResponseShape.BARE:
        return
    for name in answer.keys() - {"data"}:
        for path, value in _leaves(answer[name], name):
            yield Leaf(path, 1, int(value is None), [], Counter({"paging, kept in the archive": 1}))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, object]]:
    """Give each leaf; a list or object without any is one itself."""
    if isinstance(value, dict) and value and value.keys() not in _LEFT_OUT:
        for name, child in value.items():
            yield from _leaves(child, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for child in value:
            yield from _leaves(child, f"{path}[]")
    else:
        yield path, value


def _full(path: str, shape: ResponseShape) -> str:
    return f"{_PREFIX[shape]}{path}".removesuffix(".")


def _plain(value: object) -> str:
    """Write a value so that all the forms that it takes on its way are the same text."""
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
