"""Read bodies of single responses by their numbers, without reading the archive from its start."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

import pyarrow as pa

from warehouse.archive.segment_files import ArchiveFile, Reader
from warehouse.archive.store import Archive

_KEPT_BYTES = 64 << 20
_KEPT_READERS = 32
_TRIES = 5
# Path, inode and time of a file: one of the same name can take its place.
_FileKey = tuple[Path, int, int]


class BodyReader:
    """Reads bodies, for one thread at a time; the row groups read last stay in memory."""

    def __init__(self, archive: Archive, *, kept_bytes: int = _KEPT_BYTES) -> None:
        """Read from an archive, and keep row groups of up to `kept_bytes` in memory."""
        self._archive = archive
        self._kept_bytes = kept_bytes
        self._readers: OrderedDict[_FileKey, Reader] = OrderedDict()
        self._groups: OrderedDict[tuple[_FileKey, int], pa.Table] = OrderedDict()

    def bodies(
        self, dataset: str, device_id: str, segments: Mapping[int, int | None]
    ) -> dict[int, bytes]:
        """Return the bodies of responses by response_id; those that are gone are left out.

        Args:
            dataset: The dataset of all of them.
            device_id: Their device, "" if they are not about one.
            segments: The segment of each response_id; None looks for it, from the newest file on.

        Raises:
            DamagedError: A file is damaged.
        """
        for _ in range(_TRIES - 1):
            try:
                return self._read(dataset, device_id, segments)
            except FileNotFoundError:
                continue  # merged into a pack since it was listed
        return self._read(dataset, device_id, segments)

    def close(self) -> None:
        """Close the files and release the memory."""
        self._groups.clear()
        while self._readers:
            self._readers.popitem()[1].close()

    def _read(
        self, dataset: str, device_id: str, segments: Mapping[int, int | None]
    ) -> dict[int, bytes]:
        files = self._archive.files() if segments else []
        lasts = [file.last for file in files]
        wanted: dict[ArchiveFile, set[int]] = defaultdict(set)
        for response_id, segment in segments.items():
            at = len(files) if segment is None else bisect_left(lasts, segment)
            if segment is not None and at < len(files) and files[at].first <= segment:
                wanted[files[at]].add(response_id)
        found: dict[int, bytes] = {}
        for file, ids in wanted.items():
            found |= self._in_file(file, dataset, device_id, ids)
        sought = {response_id for response_id, segment in segments.items() if segment is None}
        for file in reversed(files):
            if not sought:
                break
            found |= self._in_file(file, dataset, device_id, sought)
            sought -= found.keys()
        return found

    def _in_file(
        self, file: ArchiveFile, dataset: str, device_id: str, ids: Collection[int]
    ) -> dict[int, bytes]:
        key, reader = self._opened(file)
        found: dict[int, bytes] = {}
        for group in reader.groups_with(dataset, device_id, ids):
            rows = self._group(key, reader, group)
            for at, response_id in enumerate(rows["response_id"].to_pylist()):
                if response_id in ids:
                    found[response_id] = rows["body"][at].as_py()
        return found

    def _opened(self, file: ArchiveFile) -> tuple[_FileKey, Reader]:
        status = file.path.stat()
        key = (file.path, status.st_ino, status.st_mtime_ns)
        if key not in self._readers:
            self._readers[key] = Reader(file)
            while len(self._readers) > _KEPT_READERS:
                self._readers.popitem(last=False)[1].close()
        self._readers.move_to_end(key)
        return key, self._readers[key]

    def _group(self, file: _FileKey, reader: Reader, number: int) -> pa.Table:
        key = (file, number)
        if key not in self._groups:
            self._groups[key] = reader.read([number], ["response_id", "body"])
            while (
                len(self._groups) > 1
                and sum(rows.nbytes for rows in self._groups.values()) > self._kept_bytes
            ):
                self._groups.popitem(last=False)
        self._groups.move_to_end(key)
        return self._groups[key]
