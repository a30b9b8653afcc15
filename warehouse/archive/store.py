"""The archive: appending responses, listing its files at one moment, reading them back.

Nothing here looks into a body. Compaction and mending have modules of their own.
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
from warehouse.archive.segment_files import ArchiveFile, Reader
from warehouse.archive.segment_rows import Taken, between, responses_of, rows_of
from warehouse.errors import DamagedError, ReadOnlyError
from warehouse.storage.atomic_files import explained, fsync_file, publish
from warehouse.storage.locks import FileLock

_FLUSH_BODY_BYTES = 4 << 20
_FLUSH_AGE_S = 20.0


@dataclass(frozen=True, slots=True)
class ResponseBatch:
    """Responses read back.

    Attributes:
        responses: Whole fetches.
        complete_to: The segment up to which everything, and beyond which nothing, has been read
            once this batch is; None in the middle of a file.
    """

    responses: list[ArchivedResponse]
    complete_to: int | None


class Archive:
    """Every response that was ever fetched, in immutable files; safe for threads and processes.

    Appended entries rest in memory until a flush, which comes by size, by age (20 s) or by call.
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
        """Open the archive below ``folder``; :class:`warehouse.Lake` does this."""
        self.segments = folder / "segments"
        self.packs = folder / "packs"
        self.damaged = folder / "damaged"
        self.scratch = scratch
        self.read_only = read_only
        self._lock_path = locks / "archive"
        self.compaction_lock_path = locks / "pack"
        self._ids = Sequence(folder / "last_response", self._largest_response_id)
        self._numbers = Sequence(folder / "last_segment", self._largest_segment)
        self._generations = Sequence(folder / "generation", lambda: 0, read_only=read_only)
        self._flush_body_bytes = flush_body_bytes
        self._flush_age_s = flush_age_s
        self._guard = threading.Lock()
        self._flushing = threading.Lock()
        self._buffer: list[Taken] = []
        self._buffered_bytes = 0
        self._timer: threading.Timer | None = None
        self._failure: BaseException | None = None

    # -- writing ---------------------------------------------------------------------------

    def append(self, entries: SequenceOf[Entry]) -> list[int]:
        """Take in all pages of one fetch, or failed attempts; return their response_ids.

        They stay together in one segment. They are durable after the next flush.

        Raises:
            ReadOnlyError: the data folder was opened for reading.
            StoreError: an earlier flush in the background failed (nothing is dropped).
        """
        if not entries:
            return []
        if self.read_only:
            raise ReadOnlyError(self.segments)
        digests = [hashlib.sha256(entry.body).digest() for entry in entries]
        first = self._ids.take(len(entries), at_least=now_us())
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
            # No caller is here to hear of it: the next append or flush raises it.
            with self._guard:
                self._failure = error

    def flush(self) -> None:
        """Make everything appended so far durable and visible to readers.

        Raises:
            StoreError: the disk is full or not writable; the entries stay in memory.
        """
        with self._flushing:
            with self._guard:
                taken, self._buffer = self._buffer, []
                taken_bytes, self._buffered_bytes = self._buffered_bytes, 0
                if self._timer is not None:
                    self._timer.cancel()
                    self._timer = None
                self._failure = None
            if not taken:
                return
            try:
                self._publish(rows_of(taken))
            except BaseException:
                with self._guard:
                    self._buffer = taken + self._buffer
                    self._buffered_bytes += taken_bytes
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
                # Number and name are given under one lock, so that a reader who sees segment n
                # sees all before it: a watermark may then be a single number. The number counts
                # as used once the file is there, so that a number without a file is a loss.
                with FileLock(self._lock_path):
                    number = self._numbers.last() + 1
                    while (target := self.segments / segment_files.segment_name(number)).exists():
                        number += 1  # published by a process that died before it had noted it
                    publish(temporary, target)
                    self.note_published(number)
            finally:
                temporary.unlink(missing_ok=True)

    # -- reading ---------------------------------------------------------------------------

    def files(self) -> list[ArchiveFile]:
        """Return the files that hold every published segment once, as of this moment."""
        # A folder that changes while it is listed may show neither a new file nor an old one.
        with FileLock(self._lock_path, shared=True, read_only=self.read_only):
            return segment_files.covering(self.all_files())

    def all_files(self) -> list[ArchiveFile]:
        """Return all files, also those that a pack covers; for use under the archive's lock."""
        folders = [folder for folder in (self.segments, self.packs) if folder.exists()]
        listed = [Path(entry.path) for folder in folders for entry in os.scandir(folder)]
        return sorted(file for path in listed if (file := ArchiveFile.named(path)))

    def note_published(self, segment: int) -> None:
        """Never give the numbers up to ``segment`` again, whatever becomes of its file."""
        self._numbers.raise_to(segment)

    def exclusive(self) -> FileLock:
        """Return the lock under which files of the archive are published or removed."""
        return FileLock(self._lock_path)

    def last_segment(self) -> int:
        """Return the number of the newest published segment; 0 when there is none."""
        return max((file.last for file in self.files()), default=0)

    def generation(self) -> int:
        """Return a number that grows when archived responses were lost or removed."""
        return self._generations.last()

    def new_generation(self) -> None:
        """Say that archived responses were lost or removed: what is derived is made anew."""
        self._generations.take(1)

    def scan(
        self,
        columns: SequenceOf[str],
        *,
        dataset: str | None = None,
        after: int = 0,
        up_to: int | None = None,
    ) -> Iterator[pa.Table]:
        """Read columns of the segments in (``after``, ``up_to``], a table for each file.

        Raises:
            DamagedError: a file does not hold what was written to it.
        """
        for reader, done in self._readers(after, up_to):
            groups = reader.groups(dataset)
            if groups:
                rows = reader.read(groups, [*columns, "segment"])
                yield between(rows, done, up_to).select(list(columns))

    def read(
        self,
        dataset: str,
        *,
        after: int = 0,
        up_to: int | None = None,
        max_body_bytes: int = _FLUSH_BODY_BYTES,
    ) -> Iterator[ResponseBatch]:
        """Read successful responses of a dataset back, in batches that never split a fetch.

        Args:
            dataset: The dataset.
            after: Read segments above this number.
            up_to: The last segment to read; None for the newest.
            max_body_bytes: A batch ends with the row group that reaches this.

        Yields:
            Batches; the last one's ``complete_to`` is ``up_to``.

        Raises:
            DamagedError: a file does not hold what was written to it.
        """
        up_to = self.last_segment() if up_to is None else up_to
        held: list[ArchivedResponse] = []
        held_bytes = 0
        for reader, done in self._readers(after, up_to):
            groups = reader.groups(dataset)
            for group in groups:
                taken = responses_of(reader, group, done, up_to)
                held += taken
                held_bytes += sum(len(response.body) for response in taken)
                if held_bytes >= max_body_bytes:
                    ends = group == groups[-1]
                    yield ResponseBatch(held, min(reader.file.last, up_to) if ends else None)
                    held, held_bytes = [], 0
        yield ResponseBatch(held, up_to)

    def least_response_id(self, dataset: str, *, after: int) -> int | None:
        """Return a number that no response of a dataset in segments above ``after`` is below.

        None when there is no such response.

        Raises:
            DamagedError: a file does not hold what was written to it.
        """
        least = [reader.least_response_id(dataset) for reader, _ in self._readers(after, None)]
        return min((number for number in least if number is not None), default=None)

    def _readers(self, after: int, up_to: int | None) -> Iterator[tuple[Reader, int]]:
        """Open the files of a range of segments in order, listing again when one was compacted.

        With each comes the segment up to which everything has been read before it.
        """
        done = after
        while True:
            listed = [file for file in self.files() if file.last > done]
            for file in listed:
                if up_to is not None and file.first > up_to:
                    return
                try:
                    reader = Reader(file)
                except FileNotFoundError:
                    break
                try:
                    yield reader, done
                finally:
                    reader.close()
                done = file.last
            else:
                return

    # -- recovery --------------------------------------------------------------------------

    def recover_sequences(self) -> None:
        """Never give out again a number that a durable file carries; for opening the stores."""
        listed = self.files()
        for path in (self.segments.parent / name for name in _SEQUENCE_FILES):
            if not path.exists():
                path.touch(mode=0o600)
        if listed:
            self._numbers.raise_to(max(file.last for file in listed))
            # After a power cut the sequence's file can be older than the newest segments.
            self._ids.raise_to(max(_max_id(file) for file in listed[-3:]))

    def _largest_response_id(self) -> int:
        return max((_max_id(file) for file in self.all_files()), default=0)

    def _largest_segment(self) -> int:
        return max((file.last for file in self.all_files()), default=0)


_SEQUENCE_FILES = ("last_response", "last_segment", "generation")


def _max_id(file: ArchiveFile) -> int:
    try:
        return Reader(file).max_response_id()
    except (FileNotFoundError, DamagedError):
        return 0  # a damaged file is reported by whoever reads it
