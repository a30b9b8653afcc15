"""A table's files: which row belongs in which, and their Parquet layout."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.errors import DamagedError, StoreError
from warehouse.interface.table_spec import TableSpec
from warehouse.storage import live_parquet
from warehouse.tables.merge import STANDS, Indices

SCHEMA_FILE = "_schema.parquet"
_ROW_GROUP_ROWS = 45_000
# What a build needs at most is about three times the largest file's rows. The devices of a fleet
# fall into buckets unevenly: some hold twice the mean.
_ONE_FILE_ROWS = 45_000
_TARGET_FILE_ROWS = 30_000
# So few devices are shared out by looking which number of buckets tells them apart best.
_FEW_DEVICES = 50
# A device polled for the first time shows one row; hourly is the least that a month is laid
# out for, and the next month is laid out by what this one held.
_LEAST_ROWS_PER_DEVICE_DAY = 24
_DAYS_PER_MONTH = 31
_NAME = re.compile(
    r"(?:month=(?P<month>\d{4}-\d{2})/)?"
    r"part-\d+-of-(?P<buckets>\d+)(?:-days-\d+-of-(?P<slices>\d+))?\.parquet$"
)


class Shares(NamedTuple):
    """Into how many files a month is divided.

    Attributes:
        buckets: of devices.
        slices: of days, for devices of which a month is too much for one file.
    """

    buckets: int
    slices: int

    def name(self, share: int) -> str:
        """Return the name of a file, which says how it came to hold what it holds."""
        days, bucket = divmod(share, self.buckets)
        of_days = f"-days-{days}-of-{self.slices}" if self.slices > 1 else ""
        return f"part-{bucket}-of-{self.buckets}{of_days}.parquet"

    def of(self, devices: pa.Array, times: pa.Array) -> np.ndarray:
        """Return the share of each row, by its device and its time."""
        encoded = devices.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        by_code = np.array([bucket_of(name, self.buckets) for name in names], dtype=np.int64)
        bucket: np.ndarray = by_code[np.asarray(encoded.indices)]
        if self.slices == 1:
            return bucket
        day = np.asarray(pc.day(times)) - 1
        share: np.ndarray = day * self.slices // _DAYS_PER_MONTH * self.buckets + bucket
        return share


class PartitionLayout:
    """How each month of each table is divided: fixed once a month's first file exists."""

    def __init__(self, files: Iterable[tuple[str, int]], devices: Collection[str]) -> None:
        """Read the layout from the committed ``files`` (name, rows).

        Args:
            files: Committed files of the tables, with their rows.
            devices: The devices to lay new months out for.
        """
        self._shares: dict[tuple[str, str], Shares] = {}
        self._rows: dict[str, dict[str, int]] = {}
        self._devices = devices
        for name, rows in files:
            if name.startswith("tables/") and (match := _NAME.search(name)):
                table, month = name.split("/")[1], match["month"] or ""
                self._shares[table, month] = Shares(
                    int(match["buckets"]), int(match["slices"] or 1)
                )
                months = self._rows.setdefault(table, {})
                months[month] = months.get(month, 0) + rows

    def shares(self, spec: TableSpec, month: str, rows: pa.Table) -> Shares:
        """Return how a month is divided, deciding it from ``rows`` at first sight."""
        known = self._shares.get((spec.name, month))
        if known is None:
            known = self._shares[spec.name, month] = self._decide(spec, rows)
        return known

    def _decide(self, spec: TableSpec, rows: pa.Table) -> Shares:
        if spec.device_column is None or spec.time_column is None or rows.num_rows == 0:
            return Shares(1, 1)
        days = pc.floor_temporal(rows[spec.time_column], unit="day")
        pairs = pa.table({"device": rows[spec.device_column], "day": days})
        device_days = pairs.group_by(["device", "day"]).aggregate([]).num_rows
        per_device_day = max(rows.num_rows / device_days, _LEAST_ROWS_PER_DEVICE_DAY)
        months = self._rows.get(spec.name, {})
        devices = max(len(self._devices), 1)
        expected = max(
            devices * per_device_day * _DAYS_PER_MONTH,
            months[max(months)] if months else 0,
        )
        slices = min(math.ceil(expected / devices / _ONE_FILE_ROWS), _DAYS_PER_MONTH)
        return Shares(self._buckets(expected / slices), slices)

    def _buckets(self, rows: float) -> int:
        if rows <= _ONE_FILE_ROWS:
            return 1
        least: int = math.ceil(rows / _TARGET_FILE_ROWS)
        if len(self._devices) > _FEW_DEVICES:
            return least
        counts = range(least, 4 * least)
        return counts[int(np.argmin([self._most_in_a_bucket(count) for count in counts]))]

    def _most_in_a_bucket(self, count: int) -> int:
        return max(Counter(bucket_of(name, count) for name in self._devices).values(), default=0)


def bucket_of(device: str, count: int) -> int:
    """Return the bucket of a device: CRC-32 of its UTF-8 name, modulo the number of buckets."""
    return zlib.crc32(device.encode()) % count


def split(
    spec: TableSpec, rows: pa.Table, layout: PartitionLayout
) -> Iterator[tuple[str, pa.Table]]:
    """Divide rows by the file they belong in.

    Yields:
        The file's name relative to the table's folder, and its rows.

    Raises:
        StoreError: a row has no time.
    """
    if rows.num_rows == 0:
        return
    months, labels = _months(spec, rows)
    for at, month in enumerate(labels):
        part = rows if len(labels) == 1 else rows.filter(pa.array(months == at))
        shares = layout.shares(spec, month, part)
        folder = f"month={month}/" if month else ""
        if shares == (1, 1) or spec.device_column is None or spec.time_column is None:
            yield f"{folder}{shares.name(0)}", part
            continue
        share = shares.of(
            part[spec.device_column].combine_chunks(), part[spec.time_column].combine_chunks()
        )
        order = np.argsort(share, kind="stable")
        part = part.take(pa.array(order))
        edges = np.flatnonzero(np.diff(share[order])) + 1
        for start, stop in zip([0, *edges], [*edges, len(order)], strict=True):
            name = shares.name(int(share[order[start]]))
            yield f"{folder}{name}", part.slice(start, stop - start)


def _months(spec: TableSpec, rows: pa.Table) -> tuple[np.ndarray, list[str]]:
    if spec.time_column is None:
        return np.zeros(rows.num_rows, dtype=np.int64), [""]
    column = rows[spec.time_column].combine_chunks()
    if column.null_count:
        raise StoreError(
            f"column {spec.time_column!r} of table {spec.name} is null in {column.null_count} "
            "rows, so their month is not known: the decoder must quarantine them"
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
    """Write rows as one of the table's files (its versions if ``stands`` is there).

    Args:
        path: A temporary file.
        spec: The table.
        rows: Columns of the table's schema.
        order: Which rows, in which order; None for all. A file is sorted by the table's key.
        live: The file whose place it will take.
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
            # Group by group, so that the sorted rows never stand in memory beside the unsorted.
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
    """Return the schema as it stands in files: with the table's name, version and description."""
    metadata = {
        "givlake.table": spec.name,
        "givlake.fingerprint": spec.fingerprint,
        "givlake.decoder_version": str(spec.decoder_version),
        "givlake.key": ",".join(spec.row_key),
        "description": spec.description,
    }
    schema = spec.schema.append(STANDS) if versions else spec.schema
    return schema.with_metadata(metadata)


def read(path: Path | None, schema: pa.Schema) -> pa.Table:
    """Read a file of ``schema``; no file is no rows.

    Raises:
        DamagedError: it cannot be read.
    """
    if path is None:
        return schema.empty_table()
    with (
        damage_named(path),
        pq.ParquetFile(path, page_checksum_verification=True) as parquet,
    ):
        rows = parquet.read()
        return pa.Table.from_arrays([rows[name] for name in schema.names], schema=schema)


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn what Arrow says of a file that cannot be read into a sentence.

    Raises:
        DamagedError: the file cannot be read.
    """
    try:
        yield
    except (OSError, pa.ArrowException, KeyError) as error:
        raise DamagedError(
            f"{path} is damaged ({str(error).splitlines()[0][:120]}): "
            "it is made again from the archive"
        ) from error
