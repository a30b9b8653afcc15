"""Taking out of derived files what they hold only for those who were reading what they replaced."""

from __future__ import annotations

import math
import time

from warehouse.errors import LockTimeoutError
from warehouse.lake import Lake
from warehouse.storage import live_parquet
from warehouse.storage.atomic_files import explained
from warehouse.storage.transaction import FileFact, Manifest, Unit

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
        unit = lake.unit(path.stem)
        try:
            with (
                unit.lock(timeout_s=None if at_once else 0.0),
                explained("Trimming files in", lake.folder),
            ):
                trimmed += _trim_unit(unit, None if at_once else _QUIET_S)
        except LockTimeoutError:
            continue
    return trimmed


def _trim_unit(unit: Unit, quiet_s: float | None) -> int:
    manifest = unit.manifest()
    if manifest is None:
        return 0
    # At once is at once, also where files have times ahead of this machine's clock.
    before_ns = math.inf if quiet_s is None else time.time_ns() - int(quiet_s * 1e9)
    wanted = {
        name: fact
        for name, fact in manifest.files.items()
        if fact.unused_bytes and fact.mtime_ns <= before_ns
    }
    if not wanted or unit.findings(Manifest(files=wanted)):
        return 0  # what somebody has changed is made again by whoever uses it next
    return _replace(unit, manifest, wanted)


def _replace(unit: Unit, manifest: Manifest, wanted: dict[str, FileFact]) -> int:
    change = unit.begin()
    for name, fact in wanted.items():
        target = change.path_for(name)
        live_parquet.trim(unit.folder / name, target)
        change.add(name, target, fact.rows, trimmed=True)
    change.commit(manifest)
    return sum(fact.unused_bytes for fact in wanted.values())
