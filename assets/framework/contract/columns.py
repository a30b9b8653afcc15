"""Arrow columns from decoded rows: leaves, times, local times, codes and lists of structs."""

import keyword
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.column_schema import TIME_LOCAL, TIME_UTC, Column, TableSchema
from assets.framework.contract.json_rows import (
    Rejected,
    ResponseShape,
    Rows,
    elements,
)
from assets.framework.contract.json_values import json_type, resolve_redaction

# Unknown times are sent as year 1 or 9999, where adding a day or an offset overflows.
FIRST_YEAR, LAST_YEAR = 1970, 2199


def leaf_columns(
    schema: TableSchema,
    rows: Sequence[Any],
    *,
    only: Collection[str] | None = None,
    skip: Collection[str] = (),
    convert: Callable[[Any], Any] | None = None,
) -> dict[str, pa.Array]:
    """Return a column for each leaf that the schema names as a source.

    Args:
        schema: Schema of the table.
        rows: Decoded rows.
        only: Names of the columns; None for all.
        skip: Names of columns to leave out.
        convert: Function applied to each value.
    """
    columns = {}
    # The objects that leaves are in, by their path, so that each is looked up once for all leaves.
    objects: dict[str, Sequence[Any]] = {"": rows}
    for name, description in schema.columns.items():
        if description.source is None or name in skip or (only is not None and name not in only):
            continue
        parent, _, leaf = _attributes(description).rpartition(".")
        if parent not in objects:
            objects[parent] = list(map(attrgetter(parent), rows))
        values = map(attrgetter(leaf), objects[parent])
        columns[name] = pa.array(
            list(map(convert, values) if convert else values), description.arrow_type
        )
    return columns


def leaf_getter(description: Column) -> Callable[[Any], Any]:
    """Return a function that reads a column's JSON leaf from a decoded row.

    If the source goes through a list (`[]`), the row is an item of that list.
    """
    return attrgetter(_attributes(description))


@cache
def _attributes(description: Column) -> str:
    """Return the path of a column's JSON leaf in a decoded row, as attributes."""
    source = description.source
    assert source is not None
    below = source.rpartition("[].")[2]
    return ".".join(_attribute(part) for part in below.split("."))


def _attribute(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


def parse_times(
    rows: Rows[Any],
    field: str,
    body: bytes,
    shape: ResponseShape = ResponseShape.LIST,
    *,
    zoneless_is_utc: bool = False,
) -> pa.Array:
    """Read an ISO 8601 time with its offset from each row, as microseconds UTC.

    Rows whose time is missing, unreadable or without an offset are moved to `rows.rejected`.

    Args:
        rows: Decoded rows.
        field: Name of the time's field.
        body: JSON of the rows.
        shape: Shape of the body.
        zoneless_is_utc: Read a time without an offset as UTC.
    """
    texts = [getattr(row, field) for row in rows.values]
    column = pa.array(texts, pa.string())
    # Date and time to the second with a Z, as all recorded times are: one pass for all rows.
    if column.null_count == 0 and pc.all(pc.match_like(column, "____-__-__T__:__:__Z")).as_py():
        try:
            times = column.cast(TIME_UTC)
        except pa.ArrowInvalid:
            pass  # A field out of range, such as hour 25: find the rows that have it.
        else:
            if are_plausible(times):
                return times
    read = [parse_time(text, zoneless_is_utc=zoneless_is_utc) for text in texts]
    unreadable = [index for index, time in enumerate(read) if time is None]
    reject(rows, unreadable, field, body, shape)
    return pa.array([time for time in read if time is not None], TIME_UTC)


def are_plausible(times: pa.Array) -> bool:
    """Return whether the years of all times are plausible."""
    years = pc.min_max(pc.year(times)).as_py()
    return years["min"] is None or (years["min"] >= FIRST_YEAR and years["max"] <= LAST_YEAR)


def rounded(values: np.ndarray) -> np.ndarray:
    """Round to six digits, so that 1423.7 - 1400.1 is 23.6 and not 23.600000000000136.

    Values too large for that are returned unchanged.
    """
    with np.errstate(over="ignore"):
        result: np.ndarray = np.round(values, 6)
    return np.where(np.isfinite(result), result, values)


def optional_times(
    schema: TableSchema,
    rows: Rows[Any],
    names: Collection[str],
    indexes: Sequence[int] | None = None,
) -> dict[str, pa.Array]:
    """Return columns of optional times.

    An unreadable time becomes null, and its text is kept in the row's extra fields.

    Args:
        schema: Schema of the table.
        rows: Decoded rows.
        names: Names of the columns.
        indexes: Indexes of the rows; None for all.
    """
    taken = range(len(rows.values)) if indexes is None else indexes
    return {name: _read(schema.columns[name], rows, taken, parse_time) for name in names}


def optional_dates(
    schema: TableSchema, rows: Rows[Any], names: Collection[str]
) -> dict[str, pa.Array]:
    """Return columns of optional dates; see `optional_times`."""
    taken = range(len(rows.values))
    return {name: _read(schema.columns[name], rows, taken, _date) for name in names}


def _read(
    description: Column,
    rows: Rows[Any],
    indexes: Sequence[int],
    read: Callable[[str | None], date | None],
) -> pa.Array:
    leaf = leaf_getter(description)
    source = str(description.source)
    values = []
    for index in indexes:
        sent = leaf(rows.values[index])
        value = read(sent) if isinstance(sent, str) else None
        if sent is not None and value is None:
            rows.extra.setdefault(index, {})[source] = sent
            rows.drift["changed_type", source, json_type(sent)] += 1
        values.append(value)
    return pa.array(values, description.arrow_type)


def as_text(value: Any) -> str | None:
    """Return as text a value that is sent either as a number or as text."""
    value = resolve_redaction(value)
    return None if value is None else str(value)


def as_json(value: Any) -> str | None:
    """Return a value as JSON text."""
    if value is None or value is msgspec.UNSET:
        return None
    return msgspec.json.encode(value, order="deterministic").decode()


def parse_time(text: str | None, *, zoneless_is_utc: bool = False) -> datetime | None:
    """Return an ISO 8601 time with an offset in UTC; None if it is missing or implausible."""
    try:
        time = datetime.fromisoformat(text or "")
        if time.utcoffset() is None:
            if not zoneless_is_utc:
                return None
            time = time.replace(tzinfo=UTC)
        time = time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return time if FIRST_YEAR <= time.year <= LAST_YEAR else None


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def reject(
    rows: Rows[Any],
    indexes: Sequence[int],
    field: str,
    body: bytes,
    shape: ResponseShape = ResponseShape.LIST,
    *,
    reason: str = "not_decodable",
) -> None:
    """Move rows whose field is missing or unreadable to `rows.rejected`."""
    raw_rows = elements(body, shape) if indexes else []
    for index in indexes:
        position = rows.positions[index]
        sent = (misfit.value for misfit in rows.misfits.get(index, ()) if misfit.field == field)
        value = next(sent, None) or as_json(getattr(rows.values[index], field)) or "null"
        raw = bytes(raw_rows[position]).decode(errors="replace")
        rows.rejected.append(Rejected(position, reason, field, value, raw))
    remove_rows(rows, indexes)


def reject_empty_readings(
    rows: Rows[Any], measured: Callable[[Any], Iterable[object | None]]
) -> None:
    """Move rows that contain no measurement to `rows.rejected`.

    Their JSON is not kept, so that all of a device are one counted row of the quarantine.

    Args:
        rows: Decoded rows.
        measured: Returns the measurements of a row, nulls included.
    """
    empty = [
        index
        for index, row in enumerate(rows.values)
        if all(value is None for value in measured(row))
    ]
    rows.rejected += [Rejected(rows.positions[index], "no_reading", "", "", "") for index in empty]
    remove_rows(rows, empty)


def remove_rows(rows: Rows[Any], indexes: Sequence[int]) -> None:
    """Remove rows of a response that are no rows of the table."""
    removed = set(indexes)
    kept = [index for index in range(len(rows.values)) if index not in removed]
    rows.extra = {new: rows.extra[old] for new, old in enumerate(kept) if old in rows.extra}
    rows.misfits = {new: rows.misfits[old] for new, old in enumerate(kept) if old in rows.misfits}
    rows.values = [rows.values[index] for index in kept]
    rows.positions = [rows.positions[index] for index in kept]


def local_columns(time: pa.Array, zone: str, name: str = "local_time") -> dict[str, pa.Array]:
    """Return `local_date` and the local time, as columns of UTC times.

    Args:
        time: UTC times.
        zone: IANA time zone.
        name: Name of the column with the local time.
    """
    import pandas as pd  # takes longer than most commands that read

    # pandas reads the zone from the tzdata package, where Arrow needs the system to have one.
    utc = pd.DatetimeIndex(np.asarray(time).astype("M8[us]", copy=False), tz="UTC")
    local_time = pa.array(utc.tz_convert(zone).tz_localize(None).to_numpy(), TIME_LOCAL)
    return {name: local_time, "local_date": local_time.cast(pa.date32(), safe=False)}


def list_of_structs(
    lists: Sequence[Sequence[Any] | None], arrow_type: pa.ListType, attributes: Sequence[str]
) -> pa.Array:
    """Return a list column from attributes of the items, in the order of the struct's fields."""
    offsets = [0]
    items: list[Any] = []
    for part in lists:
        items.extend(part or ())
        offsets.append(len(items))
    struct = arrow_type.value_type
    fields = [struct.field(number) for number in range(struct.num_fields)]
    values = pa.StructArray.from_arrays(
        [
            pa.array(list(map(attrgetter(name), items)), field.type)
            for name, field in zip(attributes, fields, strict=True)
        ],
        fields=fields,
    )
    missing = pa.array([part is None for part in lists], pa.bool_())
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), values, type=arrow_type, mask=missing
    )


def code_names(codes: pa.Array, names: Mapping[str, str]) -> tuple[pa.Array, Counter[str]]:
    """Decode codes, compared without case; unknown ones become `unknown (code)` and are counted."""
    encoded = codes.dictionary_encode()
    decoded = []
    unknown: Counter[str] = Counter()
    for index, code in enumerate(encoded.dictionary.to_pylist()):
        name = names.get(str(code).upper())
        if name is None:
            name = f"unknown ({code})"
            unknown[str(code)] += pc.sum(pc.equal(encoded.indices, index)).as_py()
        decoded.append(name)
    return pa.DictionaryArray.from_arrays(encoded.indices, pa.array(decoded, pa.string())).cast(
        pa.string()
    ), unknown


def extra_column(rows: Rows[Any]) -> pa.Array:
    """Return the unknown fields of each row as JSON text, or null."""
    texts: list[str | None] = [None] * len(rows.values)
    for index, fields in rows.extra.items():
        texts[index] = msgspec.json.encode(fields).decode()
    return pa.array(texts, pa.string())
