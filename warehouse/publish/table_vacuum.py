"""Removal of files that a published table no longer consists of."""

from __future__ import annotations

from warehouse.publish.delta_target import DeltaTarget


def vacuum_table(target: DeltaTarget, name: str, retention_h: float) -> int:
    """Remove files that were replaced, or left by a killed publication, long enough ago.

    Readers of an old version, and publications that are under way, need them until then.

    Returns:
        The number of files.
    """
    table = target.open(name)
    if table is None:
        return 0
    old = table.vacuum(
        retention_hours=int(retention_h),
        dry_run=True,
        enforce_retention_duration=False,
        full=True,
    )
    files = target.files(name)
    # Removed here, since Delta's own removal adds two commits to the log.
    for path in old:
        files.delete_file(path)
    return len(old)
