"""Compaction: merge small segments into packs, sorted by device and day, each body stored once.

A pack is published before its parts are removed, and readers prefer it, so a kill at any point
leaves the same content: at worst some parts to be removed by the next compaction.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from warehouse.archive import segment_files
from warehouse.archive.repair import check_bodies
from warehouse.archive.segment_files import ArchiveFile, Reader
from warehouse.archive.store import Archive
from warehouse.errors import ArchiveDamagedError, DamagedError
from warehouse.storage.atomic_files import explained, fsync_file, fsync_folder, publish
from warehouse.storage.file_locks import FileLock

# The content of a pack is sorted in memory.
MAX_PACK_BODY_BYTES = 48 << 20


@dataclass(frozen=True, slots=True)
class CompactionReport:
    """The result of a compaction."""

    merged_files: int
    packs_written: int
    bytes_before: int
    bytes_after: int
    damaged: tuple[str, ...]


def compact(
    archive: Archive,
    *,
    max_body_bytes: int = MAX_PACK_BODY_BYTES,
    step: Callable[[str], None] = lambda _: None,
) -> CompactionReport:
    """Merge segments into packs. Waits for a running compaction.

    Args:
        archive: The archive.
        max_body_bytes: Size of the bodies in one pack; bounds the memory used.
        step: Called before each step with its name ("write", "publish", "remove", ...).

    Raises:
        StoreError: The disk is full or not writable; nothing is lost.
    """
    before = after = merged = written = 0
    damaged: list[str] = []
    with FileLock(archive.compaction_lock_path), explained("Compacting", archive.packs):
        step("tidy")
        _remove_covered(archive)
        for group in _groups(archive, max_body_bytes, damaged):
            size = sum(file.path.stat().st_size for file in group)
            try:
                target = _merge(archive, group, step)
            except DamagedError as error:
                damaged.append(str(error))
                continue
            before += size
            after += target.path.stat().st_size
            merged += len(group)
            written += 1
    return CompactionReport(merged, written, before, after, tuple(damaged))


def _groups(
    archive: Archive, max_body_bytes: int, damaged: list[str]
) -> Iterator[list[ArchiveFile]]:
    """Group consecutive files whose bodies fit into one pack; a single file stays as it is.

    Files on either side of a missing segment are not merged, so that the segment can be restored.
    """
    group: list[ArchiveFile] = []
    held = 0
    for file in archive.files():
        try:
            reader = Reader(file)
        except DamagedError as error:
            damaged.append(str(error))
            size = max_body_bytes  # an unreadable file is left alone, and ends the group
        else:
            size = reader.body_bytes
            reader.close()
        follows = not group or file.first == group[-1].last + 1
        if group and (held + size > max_body_bytes or not follows):
            if len(group) > 1:
                yield group
            group, held = [], 0
        group.append(file)
        held += size
    if len(group) > 1:
        yield group


def _merge(archive: Archive, group: list[ArchiveFile], step: Callable[[str], None]) -> ArchiveFile:
    step("read")
    rows = pa.concat_tables([_whole(file) for file in group])
    first, last = group[0].first, group[-1].last
    target = ArchiveFile(first, last, archive.packs / segment_files.pack_name(first, last))
    temporary = archive.scratch / uuid.uuid4().hex
    try:
        step("write")
        segment_files.write(temporary, rows, segment_files.PACK_GROUP_BYTES)
        fsync_file(temporary)
        with archive.exclusive():
            step("publish")
            publish(temporary, target.path)
    finally:
        temporary.unlink(missing_ok=True)
    step("remove")
    archive.mark_published(last)
    _remove_covered(archive, step)
    return target


def _whole(file: ArchiveFile) -> pa.Table:
    """Read a file and check every body, since the original will be removed."""
    reader = Reader(file)
    try:
        rows = reader.read(reader.groups()) if reader.groups() else segment_files.EMPTY
    finally:
        reader.close()
    if not check_bodies(rows).all():
        raise ArchiveDamagedError(
            file.path.name,
            f"archive file {file.path.name} holds a body that differs from its checksum: "
            "run `givlake check --repair`, then compact again",
        )
    return segment_files.without_body_references(rows)


def _remove_covered(archive: Archive, step: Callable[[str], None] = lambda _: None) -> None:
    with archive.exclusive():
        kept = {file.path for file in segment_files.covering_files(archive.all_files())}
        for file in archive.all_files():
            if file.path not in kept:
                step("unlink")
                file.path.unlink()
        fsync_folder(archive.segments)
        fsync_folder(archive.packs)
