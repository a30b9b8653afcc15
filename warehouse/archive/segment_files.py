"""Archive files: their names and Parquet layout, and how to write and read one of them.

Listing, publishing and locking of the files is in `store`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.archive.entry import ARCHIVE_SCHEMA, SORT_KEYS, sequence_number
from warehouse.errors import ArchiveDamagedError
from warehouse.source_names import API_SOURCE
from warehouse.storage.atomic_files import is_refused
from warehouse.storage.parquet_files import empty_table

FORMAT = "1"
# A row group has one page and is read at once, so segments keep it small; in packs, the polls of a
# day should be in one compression window.
SEGMENT_GROUP_BYTES = 4 << 20
PACK_GROUP_BYTES = 16 << 20
_ROW_GROUP_ROWS = 20_000
_PLAIN_COLUMNS = {"body", "body_sha256", "response_id", "fetch_id"}
# Files written by earlier versions lack these columns; what their rows have there.
_ADDED_COLUMNS = {
    "request_end_date": None,
    "day_rows": None,
    "source": API_SOURCE,
    "source_file": None,
    "source_sha256": None,
}


@dataclass(frozen=True, slots=True, order=True)
class ArchiveFile:
    """A segment (`first == last`) or a pack of the segments from `first` to `last`."""

    first: int
    last: int
    path: Path

    @classmethod
    def from_path(cls, path: Path) -> ArchiveFile | None:
        """Parse the numbers in a file's name; return None if it is not an archive file."""
        first, _, last = path.stem.partition("-")
        if path.suffix != ".parquet" or not first.isdigit() or not (last or "0").isdigit():
            return None
        return cls(int(first), int(last or first), path)


def segment_name(number: int) -> str:
    """Return the file name of a segment."""
    return f"{number:012d}.parquet"


def pack_name(first: int, last: int) -> str:
    """Return the file name of a pack."""
    return f"{first:012d}-{last:012d}.parquet"


def covering_files(files: Iterable[ArchiveFile]) -> list[ArchiveFile]:
    """Return the fewest files that hold every segment once, in order: packs before segments."""
    selected: list[ArchiveFile] = []
    for file in sorted(files, key=lambda file: (file.first, -file.last)):
        if not selected or file.last > selected[-1].last:
            selected.append(file)
    return selected


def write(path: Path, rows: pa.Table, group_bytes: int) -> None:
    """Write archive rows sorted, and each body once per row group.

    Args:
        path: A temporary file; the caller syncs and publishes it.
        rows: Columns of `ARCHIVE_SCHEMA`, without `segment` for a segment; all bodies are present.
        group_bytes: Size of the bodies in a row group.
    """
    rows = rows.take(pc.sort_indices(rows, sort_keys=[(key, "ascending") for key in SORT_KEYS]))
    schema = rows.schema.with_metadata(ARCHIVE_SCHEMA.metadata)
    strings = [field.name for field in schema if field.name not in _PLAIN_COLUMNS]
    body_bytes = pc.sum(rows["body_bytes"]).as_py() or 0
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=strings,
        write_statistics=[field.name for field in schema if field.name != "body"],
        write_page_checksum=True,
        data_page_size=2 * group_bytes,
        store_schema=True,
    ) as writer:
        for start, stop in _row_groups(rows, group_bytes):
            writer.write_table(_deduplicate_bodies(rows.slice(start, stop - start)), stop - start)
        writer.add_key_value_metadata(
            {"givlake.archive_format": FORMAT, "givlake.body_bytes": str(body_bytes)}
        )


def _row_groups(rows: pa.Table, group_bytes: int) -> Iterator[tuple[int, int]]:
    """Split rows where the dataset changes or the bodies get large, but never within a fetch."""
    datasets = rows["dataset"].to_pylist()
    fetches = rows["fetch_id"].to_pylist()
    sizes = rows["body_bytes"].to_pylist()
    start, held = 0, 0
    for at in range(len(datasets)):
        full = held + sizes[at] > group_bytes or at - start >= _ROW_GROUP_ROWS
        if at > start and (
            datasets[at] != datasets[at - 1] or (full and fetches[at] != fetches[at - 1])
        ):
            yield start, at
            start, held = at, 0
        held += sizes[at]
    if datasets:
        yield start, len(datasets)


def _deduplicate_bodies(group: pa.Table) -> pa.Table:
    """Replace a body that occurred earlier in the row group by a reference to that response."""
    first_by_digest: dict[bytes, int] = {}
    references: list[int | None] = []
    ids = group["response_id"].to_pylist()
    for response_id, digest in zip(ids, group["body_sha256"].to_pylist(), strict=True):
        first = first_by_digest.setdefault(digest, response_id)
        references.append(None if first == response_id else first)
    if len(first_by_digest) == len(ids):
        return group
    repeated = pa.array([reference is not None for reference in references])
    body = pc.if_else(repeated, pa.scalar(None, pa.binary()), group["body"])
    at = group.schema.get_field_index
    group = group.set_column(at("body"), group.schema.field("body"), body)
    return group.set_column(
        at("body_of"), group.schema.field("body_of"), pa.array(references, pa.int64())
    )


class Reader:
    """An open archive file; reading damaged data raises `ArchiveDamagedError`."""

    def __init__(self, file: ArchiveFile) -> None:
        """Open `file`.

        Raises:
            FileNotFoundError: It has been merged into a pack since it was listed.
            ArchiveDamagedError: It is not a complete Parquet file.
        """
        self.file = file
        try:
            self._parquet = pq.ParquetFile(file.path, page_checksum_verification=True)
        except FileNotFoundError:
            raise
        except (OSError, pa.ArrowException) as error:
            if is_refused(error):
                raise  # It is not damaged, and must not be repaired.
            raise _damaged(file, error) from error
        self.body_bytes = int(
            (self._parquet.metadata.metadata or {}).get(b"givlake.body_bytes", b"0")
        )

    def close(self) -> None:
        """Close the file."""
        self._parquet.close()

    def groups(self, dataset: str | None = None) -> list[int]:
        """Return the row groups of a dataset (all if None), without reading them."""
        named = enumerate(self._dataset_of_groups())
        return [at for at, name in named if dataset is None or name == dataset]

    def groups_with(self, dataset: str, device_id: str, response_ids: Collection[int]) -> list[int]:
        """Return the row groups that can have responses of a device, by their statistics."""
        metadata = self._parquet.metadata
        device, number = map(
            self._parquet.schema_arrow.get_field_index, ("device_id", "response_id")
        )
        found = []
        for at in self.groups(dataset):
            group = metadata.row_group(at)
            devices, numbers = (group.column(each).statistics for each in (device, number))
            if devices.min <= device_id <= devices.max and any(
                numbers.min <= response_id <= numbers.max for response_id in response_ids
            ):
                found.append(at)
        return found

    def datasets(self) -> frozenset[str]:
        """Return the datasets that it has responses of, from the footer."""
        return frozenset(self._dataset_of_groups())

    def _dataset_of_groups(self) -> list[str]:
        metadata = self._parquet.metadata
        column = self._parquet.schema_arrow.get_field_index("dataset")
        groups = map(metadata.row_group, range(metadata.num_row_groups))
        return [str(group.column(column).statistics.min) for group in groups]

    def read(self, groups: Sequence[int], columns: Sequence[str] | None = None) -> pa.Table:
        """Read columns of row groups, with missing columns added and body references resolved."""
        wanted = list(dict.fromkeys(columns or ARCHIVE_SCHEMA.names))
        with_bodies = "body" in wanted
        load = [*wanted, *(["response_id", "body_of"] if with_bodies else [])]
        present = [name for name in dict.fromkeys(load) if name in self._parquet.schema_arrow.names]
        try:
            rows = self._parquet.read_row_groups(list(groups), columns=present)
        except (OSError, pa.ArrowException) as error:
            if is_refused(error):
                raise
            raise _damaged(self.file, error) from error
        if "segment" in wanted and "segment" not in present:
            number = pa.array(np.full(rows.num_rows, self.file.first))
            rows = rows.append_column(ARCHIVE_SCHEMA.field("segment"), number)
        for name, value in _ADDED_COLUMNS.items():
            if name in wanted and name not in present:
                field = ARCHIVE_SCHEMA.field(name)
                values = pa.repeat(pa.scalar(value, field.type), rows.num_rows)
                rows = rows.append_column(field, values)
        if with_bodies:
            rows = _resolve_bodies(rows)
        return rows.select(wanted)

    def max_sequence_number(self) -> int:
        """Return the largest sequence number of its responses."""
        rows = self.read(self.groups(), ["response_id"])
        return max(map(sequence_number, rows["response_id"].to_pylist()), default=0)

    def min_response_id(self, dataset: str) -> int | None:
        """Return the smallest response_id of a dataset, from the footer; None if it has no rows."""
        return min((number for number, _ in self._response_ids(dataset)), default=None)

    def _response_ids(self, dataset: str | None) -> Iterator[tuple[int, int]]:
        column = self._parquet.schema_arrow.get_field_index("response_id")
        for at in self.groups(dataset):
            statistics = self._parquet.metadata.row_group(at).column(column).statistics
            yield statistics.min, statistics.max


def _resolve_bodies(rows: pa.Table) -> pa.Table:
    if rows["body_of"].null_count == rows.num_rows:
        return rows
    own = {response_id: at for at, response_id in enumerate(rows["response_id"].to_pylist())}
    source = [
        at if reference is None else own[reference]
        for at, reference in enumerate(rows["body_of"].to_pylist())
    ]
    body = rows["body"].combine_chunks().take(pa.array(source, pa.int64()))
    return rows.set_column(rows.schema.get_field_index("body"), rows.schema.field("body"), body)


def without_body_references(rows: pa.Table) -> pa.Table:
    """Return rows whose bodies are all present, with the references removed."""
    at = ARCHIVE_SCHEMA.get_field_index("body_of")
    none = pa.nulls(rows.num_rows, pa.int64())
    return rows.cast(ARCHIVE_SCHEMA).set_column(at, ARCHIVE_SCHEMA.field("body_of"), none)


def _damaged(file: ArchiveFile, error: Exception) -> ArchiveDamagedError:
    return ArchiveDamagedError(
        file.path.name,
        f"archive file {file.path.name} is damaged ({str(error).splitlines()[0][:120]}): "
        "intact rows are kept; the next sync fetches the lost responses again",
    )


EMPTY = empty_table(ARCHIVE_SCHEMA)
