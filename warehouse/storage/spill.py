"""A buffer of decoded rows, grouped by target file, that spills to disk when memory is full.

Responses of a fleet arrive by day, and a file holds one bucket of devices for a month: without the
buffer, each file would be rewritten for nearly every batch. Spill files do not outlive a build.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa

# All are open at once while rows are read back, and 1,024 open files is a usual limit.
_MAX_FILES = 500
Splitter = Callable[[pa.Table], Iterator[tuple[str, pa.Table]]]


class Spill:
    """Rows grouped by the file they belong in."""

    def __init__(self, splitters: Mapping[str, Splitter], folder: Path, memory_bytes: int) -> None:
        """Create an empty buffer.

        Args:
            splitters: For each kind of row, the function that divides rows by file name.
            folder: Where to write rows that exceed the memory; created when needed.
            memory_bytes: Rows held in memory before they are spilled.
        """
        self._memory_bytes = memory_bytes
        self._splitters = splitters
        self._folder = folder
        self._held: dict[str, list[pa.Table]] = {}
        self._held_bytes = 0
        # The record batches of each kind and file name, as alternating spill number and batch
        # number: a fleet has hundreds of thousands, too many for tuples.
        self._written: dict[str, dict[str, array[int]]] = {}
        self._files = 0
        self.spilled_bytes = 0

    def add(self, kind: str, rows: pa.Table) -> None:
        """Add rows of a kind."""
        if rows.num_rows:
            self._held.setdefault(kind, []).append(rows)
            self._held_bytes += rows.nbytes
            if self._held_bytes > self._memory_bytes:
                self._write()

    def is_full(self, max_bytes: int) -> bool:
        """Return whether the rows on disk exceed a size or the number of files."""
        return self.spilled_bytes > max_bytes or self._files >= _MAX_FILES

    def groups(self) -> Iterator[tuple[str, str, pa.Table]]:
        """Yield all rows as (kind, file name, rows), file by file, and empty the buffer."""
        if self._written:
            self._write()
        for kind in list(self._held):
            rows = pa.concat_tables(self._held.pop(kind))
            for name, part in self._splitters[kind](rows):
                yield kind, name, part
        for kind, batches in self._written.items():
            with ExitStack() as stack:
                spills = {number for numbers in batches.values() for number in numbers[::2]}
                readers = {number: _open(stack, self._path(number)) for number in spills}
                for name in sorted(batches):
                    yield kind, name, _read_batches(readers, batches[name])
        for path in self._folder.glob("spill-*.arrow"):
            path.unlink()
        self._held_bytes, self._written, self.spilled_bytes, self._files = 0, {}, 0, 0

    def _write(self) -> None:
        """Write the rows in memory to one spill per kind, with record batches by file name."""
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._folder.mkdir(exist_ok=True, mode=0o700)
        for kind in list(self._held):
            rows = pa.concat_tables(self._held.pop(kind))
            self._files += 1
            path = self._path(self._files)
            batches = self._written.setdefault(kind, {})
            batch_number = 0
            with (
                pa.OSFile(str(path), "wb") as sink,
                pa.ipc.new_file(sink, rows.schema, options=options) as writer,
            ):
                for name, part in self._splitters[kind](rows):
                    for batch in part.combine_chunks().to_batches():
                        writer.write_batch(batch)
                        batches.setdefault(name, array("I")).extend((self._files, batch_number))
                        batch_number += 1
            self.spilled_bytes += path.stat().st_size
        self._held_bytes = 0
        pa.default_memory_pool().release_unused()

    def _path(self, number: int) -> Path:
        return self._folder / f"spill-{number:06d}.arrow"


def _read_batches(
    readers: Mapping[int, pa.ipc.RecordBatchFileReader], numbers: array[int]
) -> pa.Table:
    batches = [
        readers[spill].get_batch(batch)
        for spill, batch in zip(numbers[::2], numbers[1::2], strict=True)
    ]
    return pa.Table.from_batches(batches).combine_chunks()


def _open(stack: ExitStack, path: Path) -> pa.ipc.RecordBatchFileReader:
    source = stack.enter_context(pa.OSFile(str(path), "rb"))
    return stack.enter_context(pa.ipc.open_file(source))
