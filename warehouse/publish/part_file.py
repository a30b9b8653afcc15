"""Writing a part as a Parquet file into the target, with what the log says of it."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.publish.published_part import ACCOUNT, MONTH, Part, PublishedTable
from warehouse.publish.published_types import published_rows

if TYPE_CHECKING:
    from deltalake.transaction import AddAction
    from pyarrow.fs import FileSystem

# Longer texts would have to be cut; no key is.
_LONGEST_TEXT = 64
_ROW_GROUP_ROWS = 45_000
_BUFFER_BYTES = 1 << 20


def write_part(files: FileSystem, table: PublishedTable, part: Part, account: str) -> AddAction:
    """Write a part; return the entry for the log, which makes it visible.

    Args:
        files: The table's folder in the target.
        table: The table.
        part: The part.
        account: The account that it belongs to.

    Raises:
        PartChangedError: The rows have changed since the part was planned.
        StoreError: A value cannot be published without loss.
    """
    from deltalake.transaction import AddAction

    rows = published_rows(part.read(), table.schema)
    sink = pa.BufferOutputStream()
    pq.write_table(
        rows.replace_schema_metadata(None),
        sink,
        compression="zstd",
        row_group_size=_ROW_GROUP_ROWS,
        # The schema as Arrow's own metadata is of no use to other engines.
        store_schema=False,
    )
    content = sink.getvalue().to_pybytes()
    path = part.new_path(table, account)
    # deltalake's stream takes bytes only: Arrow makes them of its own buffer, but passes on what is
    # larger as it is.
    with files.open_output_stream(path, buffer_size=_BUFFER_BYTES) as stream:
        for start in range(0, len(content), _BUFFER_BYTES // 2):
            stream.write(content[start : start + _BUFFER_BYTES // 2])
    values = {ACCOUNT: account, MONTH: part.month}
    return AddAction(
        path,
        len(content),
        {name: values[name] for name in table.partition_columns},
        time.time_ns() // 1_000_000,
        True,
        json.dumps(_statistics(rows, table.key)),
    )


def _statistics(rows: pa.Table, key: tuple[str, ...]) -> dict[str, Any]:
    """Return the number of rows and the range of each key column, as Delta's log has them."""
    smallest, largest, nulls = {}, {}, {}
    for name in key:
        column = rows[name]
        nulls[name] = column.null_count
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            continue
        ends = pc.min_max(column).as_py()
        first, last = _in_log(ends["min"], up=False), _in_log(ends["max"], up=True)
        if first is not None and last is not None:
            smallest[name], largest[name] = first, last
    return {
        "numRecords": rows.num_rows,
        "minValues": smallest,
        "maxValues": largest,
        "nullCount": nulls,
    }


def _in_log(value: object, *, up: bool) -> object:
    """Return a value as statistics have it, of milliseconds at most; None leaves it out."""
    if isinstance(value, datetime):
        micros = value.microsecond
        millis = -(-micros // 1000) if up else micros // 1000
        moment = value.astimezone(UTC).replace(microsecond=0) + timedelta(milliseconds=millis)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_TEXT else None
    return value if isinstance(value, int | float) and value == value else None
