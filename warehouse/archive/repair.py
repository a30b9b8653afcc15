"""Damaged archive files: proving bodies, keeping what can be read, setting the file aside."""

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
from warehouse.storage.locks import FileLock


def check_bodies(rows: pa.Table) -> np.ndarray:
    """Return for each archive row whether its body has the SHA-256 that was recorded."""
    pairs = zip(rows["body"].to_pylist(), rows["body_sha256"].to_pylist(), strict=True)
    return np.array(
        [body is not None and hashlib.sha256(body).digest() == digest for body, digest in pairs],
        dtype=bool,
    )


def examine(file: ArchiveFile) -> tuple[pa.Table, str | None]:
    """Read all of a file that can be proven; return it and a sentence about what cannot."""
    try:
        reader = Reader(file)
    except DamagedError as error:
        return segment_files.EMPTY, str(error)
    good: list[pa.Table] = []
    problem: str | None = None
    lost = 0
    for group in reader.groups():
        try:
            rows = reader.read([group])
        except (DamagedError, KeyError) as error:
            problem = problem or str(error)
            lost += 1
            continue
        proven = check_bodies(rows)
        if not proven.all():
            problem = problem or (
                f"archive file {file.path.name} holds {int((~proven).sum())} bodies that differ "
                "from their checksums: the others are kept, these are fetched again"
            )
            rows = rows.filter(pa.array(proven))
        good.append(rows)
    reader.close()
    return (pa.concat_tables(good) if good else segment_files.EMPTY), problem


def mend(archive: Archive, *, only: str | None = None) -> list[str]:
    """Examine archive files; set damaged ones aside and write anew what could be proven.

    Args:
        archive: The archive.
        only: Name of the one file to examine; None for all.

    Returns:
        One sentence for each damaged file; none where the archive was opened for reading.

    Raises:
        StoreError: the disk is full or not writable.
    """
    if archive.read_only:
        return []
    sentences = []
    with FileLock(archive.compaction_lock_path), explained("Mending", archive.damaged):
        for file in archive.files():
            if only is not None and file.path.name != only:
                continue
            rows, problem = examine(file)
            if problem is not None:
                _replace(archive, file, rows)
                sentences.append(f"{problem} ({rows.num_rows} responses of it kept)")
        if sentences:
            archive.new_generation()
    return sentences


def _replace(archive: Archive, file: ArchiveFile, rows: pa.Table) -> None:
    """Write the proven rows under the file's name; keep the damaged one in a folder aside."""
    temporary = archive.scratch / uuid.uuid4().hex
    rewrite(archive, file, rows, temporary)
    aside = archive.damaged / f"{file.path.name}.{uuid.uuid4().hex[:8]}"
    with archive.exclusive():
        aside.hardlink_to(file.path)
        publish(temporary, file.path)
        fsync_folder(archive.damaged)


def rewrite(archive: Archive, file: ArchiveFile, rows: pa.Table, temporary: Path) -> None:
    """Write rows in the layout of ``file`` (a segment has no segment column) to a temporary."""
    rows = segment_files.with_own_bodies(rows)
    if file.path.parent == archive.segments:
        segment_files.write(
            temporary, rows.drop_columns("segment"), segment_files.SEGMENT_GROUP_BYTES
        )
    else:
        segment_files.write(temporary, rows, segment_files.PACK_GROUP_BYTES)
    fsync_file(temporary)
