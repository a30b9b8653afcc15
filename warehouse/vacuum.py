"""Taking out of derived files what they hold only for those who were reading what they replaced."""

from __future__ import annotations

import math
import time

from warehouse.errors import LockTimeoutError
from warehouse.lake import Lake
from warehouse.storage import live_parquet
from warehouse.storage.atomic_files import explained
from warehouse.storage.transaction import FileFact, FileSet, Manifest

# Nobody is between the two openings of a file for so long.
_QUIET_S = 600.0


def trim(lake: Lake, *, at_once: bool = False) -> int:
    """Make files smaller that were replaced a while ago, with the rows they have.

    Args:
        lake: The data folder.
        at_once: Also files that were replaced just now, and waiting for builds that run; else what
            another process is working at is left for the next time.

    Returns:
        Bytes that were taken out.

    Raises:
        StoreError: the disk is full or not writable.
    """
    trimmed = 0
    for path in sorted((lake.folder / "index" / "manifests").glob("*.json")):
        file_set = lake.file_set(path.stem)
        try:
            with (
                file_set.lock(timeout_s=None if at_once else 0.0),
                explained("Trimming files in", lake.folder),
            ):
                trimmed += _trim_unit(file_set, None if at_once else _QUIET_S)
        except LockTimeoutError:
            continue
    return trimmed


def _trim_unit(file_set: FileSet, quiet_s: float | None) -> int:
    manifest = file_set.manifest()
    if manifest is None:
        return 0
    # At once is at once, also where files have times ahead of this machine's clock.
    before_ns = math.inf if quiet_s is None else time.time_ns() - int(quiet_s * 1e9)
    wanted = {
        name: fact
        for name, fact in manifest.files.items()
        if fact.unused_bytes and fact.mtime_ns <= before_ns
    }
    if not wanted or file_set.findings(Manifest(files=wanted)):
        return 0  # what somebody has changed is made again by whoever uses it next
    return _replace(file_set, manifest, wanted)


def _replace(file_set: FileSet, manifest: Manifest, wanted: dict[str, FileFact]) -> int:
    transaction = file_set.begin()
    for name, fact in wanted.items():
        target = transaction.path_for(name)
        live_parquet.trim(file_set.folder / name, target)
        transaction.add(name, target, fact.rows, trimmed=True)
    transaction.commit(manifest)
    return sum(fact.unused_bytes for fact in wanted.values())
