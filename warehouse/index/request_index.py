"""The index of requests: one row per archived response or attempt, without its body.

A cache of the archive with a watermark, in parts that are appended to up to a maximum size.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.archive.entry import INDEX_SCHEMA
from warehouse.archive.missing_segments import (
    MISSING_FACT,
    SegmentRanges,
    describe,
    missing_segments,
    subtract,
    unaccepted_losses,
)
from warehouse.archive.repair import repair
from warehouse.errors import ArchiveDamagedError, DamagedError
from warehouse.lake import Lake
from warehouse.storage import live_parquet
from warehouse.storage.atomic_files import explained
from warehouse.storage.parquet_files import PART_ROWS, TAIL_ROWS
from warehouse.storage.parquet_files import read as read_file
from warehouse.storage.transaction import Manifest, Transaction

_LOG = logging.getLogger(__name__)
FOLDER = "index/requests"
FILE_SET_NAME = "requests"
_NEWEST = "newest_answers"


def refresh(lake: Lake) -> tuple[Manifest, list[str]]:
    """Update the index to the newest segment; rebuild it if it does not match the archive.

    Returns:
        The manifest of the index, and a message for each damaged file or loss.

    Raises:
        StoreError: The disk is full or not writable.
    """
    file_set = lake.file_set(FILE_SET_NAME)
    damage: list[str] = []
    manifest = file_set.manifest()
    if manifest is not None and _is_current(lake, manifest) and not file_set.findings(manifest):
        return manifest, damage
    file_set = lake.writable_index(FILE_SET_NAME)
    with file_set.lock(), explained("Indexing requests in", lake.folder):
        while True:
            manifest = file_set.manifest()
            facts = _facts(lake)
            target = lake.archive.last_segment()
            if manifest is not None and (findings := file_set.findings(manifest)):
                damage.append(f"{findings[0]}: the index of requests is rebuilt from the archive")
                manifest = None
            elif manifest is not None and manifest.watermark > target:
                damage.append(
                    f"the archive ends at segment {target} instead of {manifest.watermark}: "
                    "restore the missing archive files from a copy, or the next sync fetches their "
                    "days again"
                )
                manifest = None
            elif manifest is not None and not _matches(manifest, facts):
                known = manifest.facts.get(MISSING_FACT)
                if known is not None and (lost := subtract(facts[MISSING_FACT], known)):
                    damage.append(_loss_message(lake, manifest, lost))
                manifest = None
            elif manifest is None and (lost := unaccepted_losses(lake.archive)):
                damage.append(_loss_message(lake, Manifest(), lost))
            try:
                start = manifest or Manifest()
                transaction = file_set.begin()
                for name in _stored_parts(lake) - start.files.keys():
                    transaction.remove(name)
                newest = _extend(lake, transaction, start, target)
                for message in () if lake.archive.read_only else damage:
                    _LOG.warning(message)
                facts[_NEWEST] = newest
                return transaction.commit(Manifest(target, facts, start.files)), damage
            except ArchiveDamagedError as error:
                messages = repair(lake.archive, only=error.name)
                if not messages:
                    raise
                damage += messages
            except DamagedError as error:
                damage.append(str(error))
                file_set.forget_manifest()


def trusted_manifest(lake: Lake) -> Manifest | None:
    """Return the manifest of the index if it matches the archive, which may have grown since.

    Nothing is locked or written.
    """
    manifest = lake.file_set(FILE_SET_NAME).manifest()
    return manifest if manifest is not None and _matches(manifest, _facts(lake)) else None


def newest_answers(manifest: Manifest) -> dict[str, int]:
    """Return the newest segment with a successful response of each dataset that has one."""
    newest: dict[str, int] = manifest.facts[_NEWEST]
    return newest


def renew(lake: Lake) -> None:
    """Rebuild the index if it was built with other columns.

    Raises:
        StoreError: The disk is full or not writable.
    """
    manifest = lake.file_set(FILE_SET_NAME).manifest()
    if manifest is not None and (
        manifest.facts.get("columns") != INDEX_SCHEMA.names or _NEWEST not in manifest.facts
    ):
        refresh(lake)


def added(lake: Lake, after: int, up_to: int, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Read columns of the index for segments in (`after`, `up_to`], one table per part.

    Hold the lock of the file set.
    """
    filters = [("segment", ">", after), ("segment", "<=", up_to)]
    file_set = lake.file_set(FILE_SET_NAME)
    manifest = file_set.manifest() or Manifest()
    # Parts are in order of their segments, so only the newest need to be opened.
    for name in reversed(manifest.below(FOLDER)):
        path = file_set.folder / name
        rows = pq.read_table(path, columns=list(columns), filters=filters, partitioning=None)
        if rows.num_rows:
            yield rows
        if _first_segment(path) <= after:
            return


def _first_segment(part: Path) -> int:
    metadata = pq.read_metadata(part)
    column = INDEX_SCHEMA.get_field_index("segment")
    groups = (metadata.row_group(at) for at in range(metadata.num_row_groups))
    known = [group.column(column).statistics for group in groups if group.num_rows]
    return min((statistics.min for statistics in known), default=0)


def _is_current(lake: Lake, manifest: Manifest) -> bool:
    return _matches(manifest, _facts(lake)) and manifest.watermark == lake.archive.last_segment()


def _matches(manifest: Manifest, facts: dict[str, Any]) -> bool:
    """Return whether an index was built from an archive with these facts."""
    return _NEWEST in manifest.facts and all(manifest.facts.get(key) == facts[key] for key in facts)


def _facts(lake: Lake) -> dict[str, Any]:
    """Return the facts that require a rebuild of the index when they change."""
    return {
        "generation": lake.archive.generation(),
        "columns": INDEX_SCHEMA.names,
        MISSING_FACT: missing_segments(lake.archive),
    }


def _loss_message(lake: Lake, manifest: Manifest, lost: SegmentRanges) -> str:
    """Return a message about missing segments, with the number of their responses if known."""
    count = 0
    for first, last in lost:
        filters = [("segment", ">=", first), ("segment", "<=", last)]
        for name in manifest.below(FOLDER):
            path = lake.file_set(FILE_SET_NAME).folder / name
            count += pq.read_table(path, columns=[], filters=filters, partitioning=None).num_rows
    number = f" ({count:,} responses and failures)" if count else ""
    return (
        f"{describe(lost)} missing{number}: restore the missing archive files from a copy, or "
        "the next sync fetches their days again"
    )


def _stored_parts(lake: Lake) -> set[str]:
    folder = lake.file_set(FILE_SET_NAME).folder
    return {str(path.relative_to(folder)) for path in (folder / FOLDER).glob("[!_]*.parquet")}


def _extend(
    lake: Lake, transaction: Transaction, manifest: Manifest, target: int
) -> dict[str, int]:
    """Stage rows of new segments; return the newest successful segment of each dataset."""
    newest: dict[str, int] = dict(manifest.facts.get(_NEWEST, {}))
    names = manifest.below(FOLDER)
    last = names[-1] if names else _part(1)
    if names and manifest.files[last].rows >= TAIL_ROWS:
        names, last = [], _part(_number(last) + 1)
    tail = read_file(lake.file_set(FILE_SET_NAME).folder / last if names else None, INDEX_SCHEMA)
    held, count = [tail], tail.num_rows
    for rows in lake.archive.scan(INDEX_SCHEMA.names, after=manifest.watermark, up_to=target):
        if count and count + rows.num_rows > PART_ROWS:
            _write(transaction, last, held)
            last, held, count = _part(_number(last) + 1), [], 0
        held.append(rows.cast(INDEX_SCHEMA))
        count += rows.num_rows
        answers = rows.filter(pc.equal(rows["outcome"], "ok"))
        for row in answers.group_by("dataset").aggregate([("segment", "max")]).to_pylist():
            newest[row["dataset"]] = max(newest.get(row["dataset"], 0), row["segment_max"])
    if count or not manifest.files:
        _write(transaction, last, held)
    return newest


def _write(transaction: Transaction, name: str, held: list[pa.Table]) -> None:
    rows = pa.concat_tables(held)
    path = transaction.path_for(name)
    live_parquet.write_table(path, rows, transaction.live(name))
    transaction.add(name, path, rows.num_rows)


def _part(number: int) -> str:
    return f"{FOLDER}/part-{number:06d}.parquet"


def _number(name: str) -> int:
    return int(Path(name).stem.removeprefix("part-"))
