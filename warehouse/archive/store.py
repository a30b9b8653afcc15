"""The archive: append responses, list its files consistently, and read responses.

Bodies are not parsed here. Compaction and repair are in modules of their own.
"""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Iterator
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from warehouse.archive import segment_files
from warehouse.archive.entry import ArchivedResponse, Entry
from warehouse.archive.id_sequence import Sequence, now_us
from warehouse.archive.readers import Readers
from warehouse.archive.segment_files import ArchiveFile, Reader
from warehouse.archive.segment_rows import NumberedEntry, filter_segments, read_responses, to_rows
from warehouse.errors import DamagedError, ReadOnlyError
from warehouse.storage.atomic_files import explained, fsync_file, publish
from warehouse.storage.file_locks import FileLock

_FLUSH_BODY_BYTES = 4 << 20
_FLUSH_AGE_S = 20.0


@dataclass(frozen=True, slots=True)
class ResponseBatch:
    """Responses read from the archive.

    Attributes:
        responses: Whole fetches.
        complete_to: The last segment that has been read entirely with this batch; None in the
            middle of a file.
    """

    responses: list[ArchivedResponse]
    complete_to: int | None


class Archive:
    """Every response ever fetched, in immutable files; safe for threads and processes.

    Appended entries stay in memory until a flush: by size, after 20 s, or on request.
    """

    def __init__(
        self,
        folder: Path,
        locks: Path,
        scratch: Path,
        *,
        read_only: bool = False,
        flush_body_bytes: int = _FLUSH_BODY_BYTES,
        flush_age_s: float = _FLUSH_AGE_S,
    ) -> None:
        """Open the archive in `folder`; use `warehouse.Lake`."""
        self.segments = folder / "segments"
        self.packs = folder / "packs"
        self.damaged = folder / "damaged"
        self.scratch = scratch
        self.read_only = read_only
        self._lock_path = locks / "archive"
        self.compaction_lock_path = locks / "pack"
        self._ids = Sequence(folder / "last_response", self._largest_sequence_number)
        self._numbers = Sequence(folder / "last_segment", self._largest_segment)
        self._generations = Sequence(folder / "generation", lambda: 0, read_only=read_only)
        self._flush_body_bytes = flush_body_bytes
        self._flush_age_s = flush_age_s
        self._guard = threading.Lock()
        self._flushing = threading.Lock()
        self._buffer: list[NumberedEntry] = []
        self._buffered_bytes = 0
        self._timer: threading.Timer | None = None
        self._failure: BaseException | None = None
        self._readers = Readers(self.files)

    # -- writing ---------------------------------------------------------------------------

    def append(self, entries: SequenceOf[Entry]) -> list[int]:
        """Add all pages of one fetch, or failed attempts, of one rank; return their response_ids.

        They stay together in one segment and are durable after the next flush.

        Raises:
            ReadOnlyError: The data folder was opened for reading.
            StoreError: An earlier flush in the background failed; no entry is dropped.
        """
        if not entries:
            return []
        if self.read_only:
            raise ReadOnlyError(self.segments)
        digests = [hashlib.sha256(entry.body).digest() for entry in entries]
        number = self._ids.take(len(entries), at_least=now_us())
        first = entries[0].rank.numbered(number)
        ids = list(range(first, first + len(entries)))
        with self._guard:
            failure, self._failure = self._failure, None
            self._buffer += [
                (number, first, digest, entry)
                for number, digest, entry in zip(ids, digests, entries, strict=True)
            ]
            self._buffered_bytes += sum(len(entry.body) for entry in entries)
            full = self._buffered_bytes >= self._flush_body_bytes
            if self._timer is None:
                self._timer = threading.Timer(self._flush_age_s, self._flush_by_age)
                self._timer.daemon = True
                self._timer.start()
        if failure is not None:
            raise failure
        if full:
            self.flush()
        return ids

    def _flush_by_age(self) -> None:
        try:
            self.flush()
        except Exception as error:
            # There is no caller to raise to: the next append or flush raises it.
            with self._guard:
                self._failure = error

    def flush(self) -> None:
        """Make everything appended so far durable and visible to readers.

        Raises:
            StoreError: The disk is full or not writable; the entries stay in memory.
        """
        with self._flushing:
            with self._guard:
                entries, self._buffer = self._buffer, []
                entry_bytes, self._buffered_bytes = self._buffered_bytes, 0
                if self._timer is not None:
                    self._timer.cancel()
                    self._timer = None
                self._failure = None
            if not entries:
                return
            try:
                self._publish(to_rows(entries))
            except BaseException:
                with self._guard:
                    self._buffer = entries + self._buffer
                    self._buffered_bytes += entry_bytes
                raise

    def close(self) -> None:
        """Flush and stop the background timer."""
        self.flush()

    def _publish(self, rows: pa.Table) -> None:
        temporary = self.scratch / uuid.uuid4().hex
        with explained("Writing a segment into", self.segments):
            try:
                segment_files.write(temporary, rows, segment_files.SEGMENT_GROUP_BYTES)
                fsync_file(temporary)
                # Number and name are assigned under one lock, so that a reader who sees segment n
                # sees all segments before it, and a watermark can be a single number. The number
                # is used up once the file exists, so that a number without a file is a loss.
                with FileLock(self._lock_path):
                    number = self._numbers.last() + 1
                    while (target := self.segments / segment_files.segment_name(number)).exists():
                        number += 1  # published by a process that died before it could record it
                    publish(temporary, target)
                    self.mark_published(number)
            finally:
                temporary.unlink(missing_ok=True)

    # -- reading ---------------------------------------------------------------------------

    def files(self) -> list[ArchiveFile]:
        """Return the files that hold every published segment once."""
        # Without the lock, a listing could miss both a new pack and the segments it replaces.
        with FileLock(self._lock_path, shared=True, read_only=self.read_only):
            return segment_files.covering_files(self.all_files())

    def all_files(self) -> list[ArchiveFile]:
        """Return all files, including segments covered by a pack; hold the archive's lock."""
        folders = [folder for folder in (self.segments, self.packs) if folder.exists()]
        listed = [Path(entry.path) for folder in folders for entry in os.scandir(folder)]
        return sorted(file for path in listed if (file := ArchiveFile.from_path(path)))

    def mark_published(self, segment: int) -> None:
        """Use up all numbers up to `segment`, even if its file is removed later."""
        self._numbers.raise_to(segment)

    def exclusive(self) -> FileLock:
        """Return the lock under which files of the archive are published or removed."""
        return FileLock(self._lock_path)

    def last_segment(self) -> int:
        """Return the number of the newest published segment; 0 if there is none."""
        return max((file.last for file in self.files()), default=0)

    def newest_number(self) -> int:
        """Return the newest number of a segment, without listing them.

        It differs from `last_segment` only after a process died in the middle of publishing.
        """
        return self._numbers.last()

    def generation(self) -> int:
        """Return a number that increases when archived responses are lost or removed."""
        return self._generations.last()

    def new_generation(self) -> None:
        """Record that archived responses were lost or removed, so that indexes are rebuilt."""
        self._generations.take(1)

    def scan(
        self,
        columns: SequenceOf[str],
        *,
        dataset: str | None = None,
        after: int = 0,
        up_to: int | None = None,
    ) -> Iterator[pa.Table]:
        """Read columns of the segments in (`after`, `up_to`], one table per file.

        Raises:
            DamagedError: A file is damaged.
        """
        for reader, done in self._readers.open(after, up_to, dataset):
            groups = reader.groups(dataset)
            if groups:
                rows = reader.read(groups, [*columns, "segment"])
                yield filter_segments(rows, done, up_to).select(list(columns))

    def read(
        self,
        dataset: str,
        *,
        after: int = 0,
        up_to: int | None = None,
        max_body_bytes: int = _FLUSH_BODY_BYTES,
    ) -> Iterator[ResponseBatch]:
        """Read the successful responses of a dataset in batches that never split a fetch.

        Args:
            dataset: The dataset.
            after: Read segments above this number.
            up_to: The last segment to read; None for the newest.
            max_body_bytes: A batch ends with the row group that reaches this size.

        Yields:
            Batches; `complete_to` of the last one is `up_to`.

        Raises:
            DamagedError: A file is damaged.
        """
        up_to = self.last_segment() if up_to is None else up_to
        batch: list[ArchivedResponse] = []
        batch_bytes = 0
        for reader, done in self._readers.open(after, up_to, dataset):
            groups = reader.groups(dataset)
            for group in groups:
                responses = read_responses(reader, group, done, up_to)
                batch += responses
                batch_bytes += sum(len(response.body) for response in responses)
                if batch_bytes >= max_body_bytes:
                    is_last = group == groups[-1]
                    yield ResponseBatch(batch, min(reader.file.last, up_to) if is_last else None)
                    batch, batch_bytes = [], 0
        yield ResponseBatch(batch, up_to)

    def min_response_id(self, dataset: str, *, after: int) -> int | None:
        """Return a lower bound of the response_ids of a dataset in segments above `after`.

        None if there are none.

        Raises:
            DamagedError: A file is damaged.
        """
        readers = self._readers.open(after, None, dataset)
        lowest = [reader.min_response_id(dataset) for reader, _ in readers]
        return min((number for number in lowest if number is not None), default=None)

    # -- recovery --------------------------------------------------------------------------

    def recover_sequences(self) -> None:
        """Raise the sequences above the numbers of all durable files, after a crash or a copy."""
        listed = self.files()
        for path in (self.segments.parent / name for name in _SEQUENCE_FILES):
            if not path.exists():
                path.touch(mode=0o600)
        if listed:
            self._numbers.raise_to(max(file.last for file in listed))
            # After a power cut the file of the sequence can be older than the newest segments.
            self._ids.raise_to(max(_max_number(file) for file in listed[-3:]))

    def _largest_sequence_number(self) -> int:
        return max((_max_number(file) for file in self.all_files()), default=0)

    def _largest_segment(self) -> int:
        return max((file.last for file in self.all_files()), default=0)


_SEQUENCE_FILES = ("last_response", "last_segment", "generation")


def _max_number(file: ArchiveFile) -> int:
    try:
        return Reader(file).max_sequence_number()
    except (FileNotFoundError, DamagedError):
        return 0  # damage is reported when the file is read
