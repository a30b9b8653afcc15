"""Open the files of the archive one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from warehouse.archive.segment_files import ArchiveFile, Reader


class Readers:
    """Opens archive files, and remembers which datasets they have responses of.

    A rebuild of all datasets reads the archive for each of them, and most files are of one.
    """

    def __init__(self, files: Callable[[], Sequence[ArchiveFile]]) -> None:
        """Open files as `files` lists them, in the order of their segments."""
        self._files = files
        # By inode and time, too: a file can be replaced by another one of the same name.
        self._datasets: dict[tuple[Path, int, int], frozenset[str]] = {}

    def open(
        self, after: int, up_to: int | None, dataset: str | None
    ) -> Iterator[tuple[Reader, int]]:
        """Open the files of a range of segments in order, listing again when one was compacted.

        Args:
            after: Segments above this number.
            up_to: The last segment; None for the newest.
            dataset: Leave out files that are known to have nothing of it; None opens all.

        Yields:
            Each with the last segment that the files before it contain.

        Raises:
            ArchiveDamagedError: A file is not a complete Parquet file.
        """
        done = after
        while True:
            listed = [file for file in self._files() if file.last > done]
            for file in listed:
                if up_to is not None and file.first > up_to:
                    return
                try:
                    status = file.path.stat()
                    key = (file.path, status.st_ino, status.st_mtime_ns)
                    if dataset is not None and dataset not in self._datasets.get(key, {dataset}):
                        done = file.last
                        continue
                    reader = Reader(file)
                except FileNotFoundError:
                    break
                self._datasets[key] = reader.datasets()
                try:
                    yield reader, done
                finally:
                    reader.close()
                done = file.last
            else:
                return
