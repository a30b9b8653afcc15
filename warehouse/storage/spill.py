"""Decoded rows on their way to their files, on disk once there are too many for memory.

A fleet's responses come by day and a file holds one bucket of devices for a month; without this,
each file would be rewritten for nearly every batch. Nothing here survives a build.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa

# All are open at once while rows are given back, and 1,024 is a usual limit.
_MOST_FILES = 500
Splitter = Callable[[pa.Table], Iterator[tuple[str, pa.Table]]]


class Spill:
    """Rows by the file they belong in."""

    def __init__(self, splitters: Mapping[str, Splitter], folder: Path, memory_bytes: int) -> None:
        """Collect rows by kind; temporary files go below ``folder``.

        Args:
            splitters: For each kind of row what divides rows by the name of their file.
            folder: Where to write what memory does not hold; made when that is needed.
            memory_bytes: What memory holds.
        """
        self._memory_bytes = memory_bytes
        self._splitters = splitters
        self._folder = folder
        self._held: dict[str, list[pa.Table]] = {}
        self._held_bytes = 0
        # For each kind and place the record batches, as file number and batch number by turns:
        # a fleet has hundreds of thousands, too many for tuples.
        self._written: dict[str, dict[str, array[int]]] = {}
        self._files = 0
        self.spilled_bytes = 0

    def add(self, kind: str, rows: pa.Table) -> None:
        """Take in rows of a kind."""
        if rows.num_rows:
            self._held.setdefault(kind, []).append(rows)
            self._held_bytes += rows.nbytes
            if self._held_bytes > self._memory_bytes:
                self._write()

    def is_full(self, most_bytes: int) -> bool:
        """Tell whether so much is on disk, or in so many files, that it is time to commit."""
        return self.spilled_bytes > most_bytes or self._files >= _MOST_FILES

    def groups(self) -> Iterator[tuple[str, str, pa.Table]]:
        """Give back all rows as (kind, file, rows), file by file, and forget them."""
        if self._written:
            self._write()
        for kind in list(self._held):
            rows = pa.concat_tables(self._held.pop(kind))
            for place, part in self._splitters[kind](rows):
                yield kind, place, part
        for kind, places in self._written.items():
            with ExitStack() as stack:
                files = {number for at in places.values() for number in at[::2]}
                opened = {number: _open(stack, self._path(number)) for number in files}
                for place in sorted(places):
                    yield kind, place, _gathered(opened, places[place])
        for path in self._folder.glob("spill-*.arrow"):
            path.unlink()
        self._held_bytes, self._written, self.spilled_bytes, self._files = 0, {}, 0, 0

    def _write(self) -> None:
        """Write what is held into one file per kind, its record batches sorted by place."""
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._folder.mkdir(exist_ok=True, mode=0o700)
        for kind in list(self._held):
            rows = pa.concat_tables(self._held.pop(kind))
            self._files += 1
            path = self._path(self._files)
            places = self._written.setdefault(kind, {})
            number = 0
            with (
                pa.OSFile(str(path), "wb") as sink,
                pa.ipc.new_file(sink, rows.schema, options=options) as writer,
            ):
                for place, part in self._splitters[kind](rows):
                    for batch in part.combine_chunks().to_batches():
                        writer.write_batch(batch)
                        places.setdefault(place, array("I")).extend((self._files, number))
                        number += 1
            self.spilled_bytes += path.stat().st_size
        self._held_bytes = 0
        pa.default_memory_pool().release_unused()

    def _path(self, number: int) -> Path:
        return self._folder / f"spill-{number:06d}.arrow"


def _gathered(opened: Mapping[int, pa.ipc.RecordBatchFileReader], at: array[int]) -> pa.Table:
    batches = [
        opened[file].get_batch(number) for file, number in zip(at[::2], at[1::2], strict=True)
    ]
    return pa.Table.from_batches(batches).combine_chunks()


def _open(stack: ExitStack, path: Path) -> pa.ipc.RecordBatchFileReader:
    source = stack.enter_context(pa.OSFile(str(path), "rb"))
    return stack.enter_context(pa.ipc.open_file(source))
