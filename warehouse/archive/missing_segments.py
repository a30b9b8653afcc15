"""Segments that no file holds any more: found by their numbers, since none is ever left out.

What an owner has accepted as lost is noted, so that it is not reported for ever.
"""

from __future__ import annotations

import json
from pathlib import Path

from warehouse.archive.store import Archive
from warehouse.storage.atomic_files import explained, write_atomically

# First and last number of segments that are missing, in order.
Gaps = list[list[int]]
_ACCEPTED = "accepted_gaps.json"


def missing(archive: Archive) -> Gaps:
    """Return the numbers that are missing between the archive's segments."""
    found: Gaps = []
    expected = 1
    for file in archive.files():
        if file.first > expected:
            found.append([expected, file.first - 1])
        expected = max(expected, file.last + 1)
    return found


def unaccepted(archive: Archive) -> Gaps:
    """Return what is missing and was not accepted as lost."""
    found = missing(archive)
    return without(found, _accepted(_record(archive))) if found else found


def accept(archive: Archive) -> None:
    """Note that what is missing now is lost and nothing more can be done about it.

    Raises:
        StoreError: the disk is full or not writable.
    """
    path = _record(archive)
    with explained("Noting what is missing in", path.parent):
        write_atomically(path, json.dumps(missing(archive)).encode(), archive.scratch)


def without(found: Gaps, known: Gaps) -> Gaps:
    """Return the parts of gaps that are not in others (in order, as all gaps are)."""
    left: Gaps = []
    for first, last in found:
        for known_first, known_last in known:
            if known_last < first or known_first > last:
                continue
            if known_first > first:
                left.append([first, known_first - 1])
            first = known_last + 1
        if first <= last:
            left.append([first, last])
    return left


def named(found: Gaps) -> str:
    """Name gaps for people, with the verb."""
    parts = [str(first) if first == last else f"{first} to {last}" for first, last in found]
    single = len(found) == 1 and found[0][0] == found[0][1]
    return f"archive segment{'' if single else 's'} {', '.join(parts)} {'is' if single else 'are'}"


def _record(archive: Archive) -> Path:
    return archive.segments.parent / _ACCEPTED


def _accepted(path: Path) -> Gaps:
    try:
        return [[int(first), int(last)] for first, last in json.loads(path.read_bytes())]
    except (FileNotFoundError, ValueError, TypeError):
        return []
