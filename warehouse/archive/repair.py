"""Repair of damaged archive files: verify bodies, keep the intact rows, move the file aside."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa

from warehouse.archive import segment_files
from warehouse.archive.segment_files import ArchiveFile, Reader
from warehouse.archive.store import Archive
from warehouse.errors import DamagedError
from warehouse.storage.atomic_files import explained, fsync_file, fsync_folder, publish
from warehouse.storage.file_locks import FileLock


def check_bodies(rows: pa.Table) -> np.ndarray:
    """Return for each archive row whether its body matches the recorded SHA-256."""
    pairs = zip(rows["body"].to_pylist(), rows["body_sha256"].to_pylist(), strict=True)
    return np.array(
        [body is not None and hashlib.sha256(body).digest() == digest for body, digest in pairs],
        dtype=bool,
    )


def examine(file: ArchiveFile) -> tuple[pa.Table, str | None]:
    """Return the rows of a file that pass their checksums, and a message about damage, if any."""
    try:
        reader = Reader(file)
    except DamagedError as error:
        return segment_files.EMPTY, str(error)
    kept: list[pa.Table] = []
    problem: str | None = None
    for group in reader.groups():
        try:
            rows = reader.read([group])
        except (DamagedError, KeyError) as error:
            problem = problem or str(error)
            continue
        intact = check_bodies(rows)
        if not intact.all():
            problem = problem or (
                f"archive file {file.path.name} holds {int((~intact).sum())} bodies that differ "
                "from their checksums: the others are kept, these are fetched again"
            )
            rows = rows.filter(pa.array(intact))
        kept.append(rows)
    reader.close()
    return (pa.concat_tables(kept) if kept else segment_files.EMPTY), problem


def repair(archive: Archive, *, only: str | None = None) -> list[str]:
    """Replace damaged archive files by their intact rows, and keep the originals aside.

    Args:
        archive: The archive.
        only: Name of the only file to repair; None for all.

    Returns:
        A message for each damaged file; none if the archive is read-only.

    Raises:
        StoreError: The disk is full or not writable.
    """
    if archive.read_only:
        return []
    messages = []
    with FileLock(archive.compaction_lock_path), explained("Repairing", archive.damaged):
        for file in archive.files():
            if only is not None and file.path.name != only:
                continue
            rows, problem = examine(file)
            if problem is not None:
                _replace(archive, file, rows)
                messages.append(f"{problem} ({rows.num_rows} of its responses kept)")
        if messages:
            archive.new_generation()
    return messages


def _replace(archive: Archive, file: ArchiveFile, rows: pa.Table) -> None:
    """Write the intact rows under the file's name; move the damaged file to `archive.damaged`."""
    temporary = archive.scratch / uuid.uuid4().hex
    rewrite(archive, file, rows, temporary)
    original = archive.damaged / f"{file.path.name}.{uuid.uuid4().hex[:8]}"
    with archive.exclusive():
        original.hardlink_to(file.path)
        publish(temporary, file.path)
        fsync_folder(archive.damaged)


def rewrite(archive: Archive, file: ArchiveFile, rows: pa.Table, temporary: Path) -> None:
    """Write rows to a temporary file in the layout of `file` (segments have no segment column)."""
    rows = segment_files.without_body_references(rows)
    if file.path.parent == archive.segments:
        segment_files.write(
            temporary, rows.drop_columns("segment"), segment_files.SEGMENT_GROUP_BYTES
        )
    else:
        segment_files.write(temporary, rows, segment_files.PACK_GROUP_BYTES)
    fsync_file(temporary)
