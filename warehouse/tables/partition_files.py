"""A table's files: the partitioning of rows into files, and their Parquet layout."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.errors import StoreError
from warehouse.interface.table_spec import TableSpec
from warehouse.storage import live_parquet
from warehouse.tables.merge import STANDS, Indices

SCHEMA_FILE = "_schema.parquet"
_ROW_GROUP_ROWS = 45_000
# A build needs memory for about three times the rows of the largest file. The devices of a fleet
# are distributed unevenly over the buckets: some hold twice the mean.
_ONE_FILE_ROWS = 45_000
_TARGET_FILE_ROWS = 30_000
# For so few devices, the number of buckets that distributes them best is searched for.
_FEW_DEVICES = 50
# A device polled for the first time has one row: a month is planned for hourly rows at least, and
# the next month for the rows of this one.
_MIN_ROWS_PER_DEVICE_DAY = 24
_DAYS_PER_MONTH = 31
_NAME = re.compile(
    r"(?:month=(?P<month>\d{4}-\d{2})/)?"
    r"part-\d+-of-(?P<buckets>\d+)(?:-days-\d+-of-(?P<slices>\d+))?\.parquet$"
)


class MonthFiles(NamedTuple):
    """The number of files of a month.

    Attributes:
        buckets: Number of device buckets.
        slices: Number of slices of days, for devices whose month is too large for one file.
    """

    buckets: int
    slices: int

    def name(self, index: int) -> str:
        """Return the name of a file, which includes its bucket and its slice."""
        days, bucket = divmod(index, self.buckets)
        suffix = f"-days-{days}-of-{self.slices}" if self.slices > 1 else ""
        return f"part-{bucket}-of-{self.buckets}{suffix}.parquet"

    def index_of(self, devices: pa.Array, times: pa.Array) -> np.ndarray:
        """Return the index of the file of each row, by its device and its time."""
        encoded = devices.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        by_code = np.array([bucket_of(name, self.buckets) for name in names], dtype=np.int64)
        bucket: np.ndarray = by_code[np.asarray(encoded.indices)]
        if self.slices == 1:
            return bucket
        day = np.asarray(pc.day(times)) - 1
        index: np.ndarray = day * self.slices // _DAYS_PER_MONTH * self.buckets + bucket
        return index


class PartitionLayout:
    """The files of each month of each table, fixed once the first file of a month exists."""

    def __init__(self, files: Iterable[tuple[str, int]], devices: Collection[str]) -> None:
        """Derive the layout from the committed files.

        Args:
            files: Names of the committed files of the tables, with their number of rows.
            devices: The devices to plan new months for.
        """
        self._months: dict[tuple[str, str], MonthFiles] = {}
        self._rows: dict[str, dict[str, int]] = {}
        self._devices = devices
        for name, rows in files:
            if name.startswith("tables/") and (match := _NAME.search(name)):
                table, month = name.split("/")[1], match["month"] or ""
                self._months[table, month] = MonthFiles(
                    int(match["buckets"]), int(match["slices"] or 1)
                )
                months = self._rows.setdefault(table, {})
                months[month] = months.get(month, 0) + rows

    def month_files(self, spec: TableSpec, month: str, rows: pa.Table) -> MonthFiles:
        """Return the files of a month, planned from `rows` if it has none yet."""
        known = self._months.get((spec.name, month))
        if known is None:
            known = self._months[spec.name, month] = self._plan(spec, rows)
        return known

    def _plan(self, spec: TableSpec, rows: pa.Table) -> MonthFiles:
        if spec.device_column is None or spec.time_column is None or rows.num_rows == 0:
            return MonthFiles(1, 1)
        days = pc.floor_temporal(rows[spec.time_column], unit="day")
        pairs = pa.table({"device": rows[spec.device_column], "day": days})
        device_days = pairs.group_by(["device", "day"]).aggregate([]).num_rows
        per_device_day = max(rows.num_rows / device_days, _MIN_ROWS_PER_DEVICE_DAY)
        months = self._rows.get(spec.name, {})
        devices = max(len(self._devices), 1)
        expected = max(
            devices * per_device_day * _DAYS_PER_MONTH,
            months[max(months)] if months else 0,
        )
        slices = min(math.ceil(expected / devices / _ONE_FILE_ROWS), _DAYS_PER_MONTH)
        return MonthFiles(self._buckets(expected / slices), slices)

    def _buckets(self, rows: float) -> int:
        if rows <= _ONE_FILE_ROWS:
            return 1
        minimum: int = math.ceil(rows / _TARGET_FILE_ROWS)
        if len(self._devices) > _FEW_DEVICES:
            return minimum
        counts = range(minimum, 4 * minimum)
        return counts[int(np.argmin([self._largest_bucket(count) for count in counts]))]

    def _largest_bucket(self, count: int) -> int:
        return max(Counter(bucket_of(name, count) for name in self._devices).values(), default=0)


def bucket_of(device: str, count: int) -> int:
    """Return the bucket of a device: CRC-32 of its name in UTF-8, modulo the number of buckets."""
    return zlib.crc32(device.encode()) % count


def split(
    spec: TableSpec, rows: pa.Table, layout: PartitionLayout
) -> Iterator[tuple[str, pa.Table]]:
    """Divide rows by file.

    Yields:
        The file's name relative to the table's folder, and its rows.

    Raises:
        StoreError: A row has no time.
    """
    if rows.num_rows == 0:
        return
    months, labels = _months(spec, rows)
    for at, month in enumerate(labels):
        part = rows if len(labels) == 1 else rows.filter(pa.array(months == at))
        files = layout.month_files(spec, month, part)
        folder = f"month={month}/" if month else ""
        if files == (1, 1) or spec.device_column is None or spec.time_column is None:
            yield f"{folder}{files.name(0)}", part
            continue
        index = files.index_of(
            part[spec.device_column].combine_chunks(), part[spec.time_column].combine_chunks()
        )
        order = np.argsort(index, kind="stable")
        part = part.take(pa.array(order))
        edges = np.flatnonzero(np.diff(index[order])) + 1
        for start, stop in zip([0, *edges], [*edges, len(order)], strict=True):
            name = files.name(int(index[order[start]]))
            yield f"{folder}{name}", part.slice(start, stop - start)


def _months(spec: TableSpec, rows: pa.Table) -> tuple[np.ndarray, list[str]]:
    if spec.time_column is None:
        return np.zeros(rows.num_rows, dtype=np.int64), [""]
    column = rows[spec.time_column].combine_chunks()
    if column.null_count:
        raise StoreError(
            f"column {spec.time_column!r} of table {spec.name} is null in {column.null_count} "
            "rows, so their month is unknown: the decoder must quarantine them"
        )
    values = np.asarray(column.cast(pa.int64())).view("M8[us]").astype("M8[M]")
    months, codes = np.unique(values, return_inverse=True)
    return codes, [str(month) for month in months]


def write(
    path: Path,
    spec: TableSpec,
    rows: pa.Table,
    order: Indices | None = None,
    *,
    live: Path | None = None,
) -> None:
    """Write rows as a file of a table (of its versions, if there is a column `stands`).

    Args:
        path: A temporary file.
        spec: The table.
        rows: Columns of the table's schema.
        order: Indices of the rows to write, sorted by the table's key; None for all.
        live: The file to be replaced.
    """
    schema = stored_schema(spec, versions=STANDS.name in rows.column_names)
    increasing = {
        field.name: "DELTA_BINARY_PACKED"
        for field in schema
        if pa.types.is_timestamp(field.type) or field.name == "response_id"
    }

    def parts() -> Iterator[pa.Table]:
        count = rows.num_rows if order is None else len(order)
        for start in range(0, max(count, 1), _ROW_GROUP_ROWS):
            # By row group, so that a sorted copy of all rows is never in memory.
            if order is None:
                part = rows.slice(start, _ROW_GROUP_ROWS)
            else:
                part = rows.take(pa.array(order[start : start + _ROW_GROUP_ROWS]))
            yield pa.Table.from_arrays([part[name] for name in schema.names], schema=schema)

    live_parquet.write(
        path,
        schema,
        parts,
        live,
        compression="zstd",
        compression_level=3,
        use_dictionary=[name for name in schema.names if name not in increasing],
        column_encoding=increasing,
        write_page_checksum=True,
    )


def stored_schema(spec: TableSpec, *, versions: bool = False) -> pa.Schema:
    """Return the schema of files, with the table's name, version and description as metadata."""
    metadata = {
        "givlake.table": spec.name,
        "givlake.fingerprint": spec.fingerprint,
        "givlake.decoder_version": str(spec.decoder_version),
        "givlake.key": ",".join(spec.row_key),
        "description": spec.description,
    }
    schema = spec.schema.append(STANDS) if versions else spec.schema
    return schema.with_metadata(metadata)
