"""Removal of the data that derived files keep for readers of the files they replaced."""

from __future__ import annotations

import math
import time

from warehouse.errors import LockTimeoutError
from warehouse.lake import Lake
from warehouse.storage import live_parquet
from warehouse.storage.atomic_files import explained
from warehouse.storage.transaction import FileFact, FileSet, Manifest

# No reader takes this long between its two openings of a file.
_QUIET_S = 600.0


def vacuum(lake: Lake, *, force: bool = False) -> int:
    """Remove the previous version's data and padding from files replaced a while ago.

    Args:
        lake: The data folder.
        force: Also vacuum files that were replaced just now, and wait for running builds;
            otherwise file sets in use by another process are skipped.

    Returns:
        Bytes removed.

    Raises:
        StoreError: The disk is full or not writable.
    """
    removed_bytes = 0
    for path in sorted((lake.folder / "index" / "manifests").glob("*.json")):
        file_set = lake.file_set(path.stem)
        try:
            with (
                file_set.lock(timeout_s=None if force else 0.0),
                explained("Vacuuming files in", lake.folder),
            ):
                removed_bytes += _vacuum_file_set(file_set, None if force else _QUIET_S)
        except LockTimeoutError:
            continue
    return removed_bytes


def _vacuum_file_set(file_set: FileSet, quiet_s: float | None) -> int:
    manifest = file_set.manifest()
    if manifest is None:
        return 0
    # Forced, files with times ahead of this machine's clock are included too.
    before_ns = math.inf if quiet_s is None else time.time_ns() - int(quiet_s * 1e9)
    candidates = {
        name: fact
        for name, fact in manifest.files.items()
        if fact.unused_bytes and fact.mtime_ns <= before_ns
    }
    if not candidates or file_set.findings(Manifest(files=candidates)):
        return 0  # a changed file is rebuilt by its next user
    return _replace(file_set, manifest, candidates)


def _replace(file_set: FileSet, manifest: Manifest, candidates: dict[str, FileFact]) -> int:
    transaction = file_set.begin()
    for name, fact in candidates.items():
        target = transaction.path_for(name)
        live_parquet.vacuum(file_set.folder / name, target)
        transaction.add(name, target, fact.rows, vacuumed=True)
    transaction.commit(manifest)
    return sum(fact.unused_bytes for fact in candidates.values())
