"""Archive segments that no file holds any more, found by their numbers, which have no gaps.

Losses that the user has accepted are recorded, so that they are not reported again.
"""

from __future__ import annotations

import json
from pathlib import Path

from warehouse.archive.store import Archive
from warehouse.storage.atomic_files import explained, write_atomically

# First and last number of segments, in order.
SegmentRanges = list[list[int]]
# The fact in the manifests of tables that lists the segments missing at the last build.
MISSING_FACT = "gaps"
_ACCEPTED_FILE = "accepted_gaps.json"


def missing_segments(archive: Archive) -> SegmentRanges:
    """Return the segments that are missing from the archive."""
    missing: SegmentRanges = []
    expected = 1
    for file in archive.files():
        if file.first > expected:
            missing.append([expected, file.first - 1])
        expected = max(expected, file.last + 1)
    return missing


def unaccepted_losses(archive: Archive) -> SegmentRanges:
    """Return the missing segments that were not accepted as lost."""
    missing = missing_segments(archive)
    return subtract(missing, _accepted(_record(archive))) if missing else missing


def accept_losses(archive: Archive) -> None:
    """Record the missing segments as lost, so that they are not reported again.

    Raises:
        StoreError: The disk is full or not writable.
    """
    path = _record(archive)
    with explained("Recording missing segments in", path.parent):
        write_atomically(path, json.dumps(missing_segments(archive)).encode(), archive.scratch)


def subtract(ranges: SegmentRanges, others: SegmentRanges) -> SegmentRanges:
    """Return the parts of `ranges` that are not in `others`; both are in order."""
    remaining: SegmentRanges = []
    for first, last in ranges:
        for other_first, other_last in others:
            if other_last < first or other_first > last:
                continue
            if other_first > first:
                remaining.append([first, other_first - 1])
            first = other_last + 1
        if first <= last:
            remaining.append([first, last])
    return remaining


def describe(ranges: SegmentRanges) -> str:
    """Return the beginning of a message about segments, including the verb."""
    parts = [str(first) if first == last else f"{first} to {last}" for first, last in ranges]
    single = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
    return f"archive segment{'' if single else 's'} {', '.join(parts)} {'is' if single else 'are'}"


def _record(archive: Archive) -> Path:
    return archive.segments.parent / _ACCEPTED_FILE


def _accepted(path: Path) -> SegmentRanges:
    try:
        return [[int(first), int(last)] for first, last in json.loads(path.read_bytes())]
    except (FileNotFoundError, ValueError, TypeError):
        return []
