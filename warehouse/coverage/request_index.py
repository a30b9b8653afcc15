"""The index of requests: one row per archived response or attempt, without its body.

A cache of the archive with a watermark, in parts that grow to a size and are then left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.accounting import row_accounting
from warehouse.archive.entry import INDEX_SCHEMA
from warehouse.archive.missing_segments import Gaps, missing, named, unaccepted, without
from warehouse.archive.repair import mend
from warehouse.errors import ArchiveDamagedError, DamagedError
from warehouse.lake import Lake
from warehouse.storage import live_parquet
from warehouse.storage.atomic_files import explained
from warehouse.storage.transaction import Manifest, Transaction
from warehouse.tables.partition_files import read as read_file

_LOG = logging.getLogger(__name__)
FOLDER = "index/requests"
UNIT = "requests"
_NEWEST = "newest_answers"


def refresh(lake: Lake) -> tuple[Manifest, list[str]]:
    """Bring the index up to the newest segment; make it anew where it cannot be trusted.

    Returns:
        The manifest of the index, and a sentence for each damage that was met.

    Raises:
        StoreError: the disk is full or not writable.
    """
    file_set = lake.file_set(UNIT)
    damage: list[str] = []
    manifest = file_set.manifest()
    if manifest is not None and _fresh(lake, manifest) and not file_set.findings(manifest):
        return manifest, damage
    file_set = lake.writable_index(UNIT)
    with file_set.lock(), explained("Indexing requests in", lake.folder):
        while True:
            manifest = file_set.manifest()
            facts = _facts(lake)
            target = lake.archive.last_segment()
            if manifest is not None and (findings := file_set.findings(manifest)):
                damage.append(
                    f"{findings[0]}: the index of requests is made again from the archive"
                )
                manifest = None
            elif manifest is not None and manifest.watermark > target:
                damage.append(
                    f"the archive ends at segment {target} and held {manifest.watermark}: bring "
                    "the missing archive files back from a copy, or the next sync fetches their "
                    "days again"
                )
                manifest = None
            elif manifest is not None and not _is_of(manifest, facts):
                known = manifest.facts.get("gaps")
                if known is not None and (lost := without(facts["gaps"], known)):
                    damage.append(_lost(lake, manifest, lost))
                manifest = None
            elif manifest is None and (lost := unaccepted(lake.archive)):
                damage.append(_lost(lake, Manifest(), lost))
            try:
                start = manifest or Manifest()
                transaction = file_set.begin()
                for name in _left_over(lake) - start.files.keys():
                    transaction.remove(name)
                newest = _extend(lake, transaction, start, target)
                for sentence in () if lake.archive.read_only else damage:
                    _LOG.warning(sentence)
                facts[_NEWEST] = newest
                return transaction.commit(Manifest(target, facts, start.files)), damage
            except ArchiveDamagedError as error:
                sentences = mend(lake.archive, only=error.name)
                if not sentences:
                    raise
                damage += sentences
            except DamagedError as error:
                damage.append(str(error))
                file_set.forget_manifest()


def trusted_manifest(lake: Lake) -> Manifest | None:
    """Return the manifest of the index if the archive is still the one that it was made of.

    The archive may have grown since; nothing is locked or written.
    """
    manifest = lake.file_set(UNIT).manifest()
    return manifest if manifest is not None and _is_of(manifest, _facts(lake)) else None


def newest_answers(manifest: Manifest) -> dict[str, int]:
    """Return the newest segment with a successful response of each dataset that has any."""
    newest: dict[str, int] = manifest.facts[_NEWEST]
    return newest


def renew(lake: Lake) -> None:
    """Make the index anew if it was made with other columns.

    Raises:
        StoreError: the disk is full or not writable.
    """
    manifest = lake.file_set(UNIT).manifest()
    if manifest is not None and (
        manifest.facts.get("columns") != INDEX_SCHEMA.names or _NEWEST not in manifest.facts
    ):
        refresh(lake)


def added(lake: Lake, after: int, up_to: int, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Read columns of the index for segments in (`after`, `up_to`], a table for each part.

    For use while holding the unit's lock.
    """
    wanted = [("segment", ">", after), ("segment", "<=", up_to)]
    file_set = lake.file_set(UNIT)
    manifest = file_set.manifest() or Manifest()
    # Parts are in order of their segments, so that only the newest need to be opened.
    for name in reversed(manifest.below(FOLDER)):
        path = file_set.folder / name
        rows = pq.read_table(path, columns=list(columns), filters=wanted, partitioning=None)
        if rows.num_rows:
            yield rows
        if _least_segment(path) <= after:
            return


def _least_segment(part: Path) -> int:
    metadata = pq.read_metadata(part)
    column = INDEX_SCHEMA.get_field_index("segment")
    groups = (metadata.row_group(at) for at in range(metadata.num_row_groups))
    known = [group.column(column).statistics for group in groups if group.num_rows]
    return min((statistics.min for statistics in known), default=0)


def _fresh(lake: Lake, manifest: Manifest) -> bool:
    return _is_of(manifest, _facts(lake)) and manifest.watermark == lake.archive.last_segment()


def _is_of(manifest: Manifest, facts: dict[str, Any]) -> bool:
    """Tell whether an index was made of the archive with these facts, with what belongs to it."""
    return _NEWEST in manifest.facts and all(manifest.facts.get(key) == facts[key] for key in facts)


def _facts(lake: Lake) -> dict[str, Any]:
    """Return what the index depends on besides the segments: when it changes, all is read again."""
    return {
        "generation": lake.archive.generation(),
        "columns": INDEX_SCHEMA.names,
        "gaps": missing(lake.archive),
    }


def _lost(lake: Lake, manifest: Manifest, lost: Gaps) -> str:
    """Say what is missing, and how much it was as far as the index knows."""
    held = 0
    for first, last in lost:
        wanted = [("segment", ">=", first), ("segment", "<=", last)]
        for name in manifest.below(FOLDER):
            path = lake.file_set(UNIT).folder / name
            held += pq.read_table(path, columns=[], filters=wanted, partitioning=None).num_rows
    much = f" ({held:,} answers and failures)" if held else ""
    return (
        f"{named(lost)} missing{much}: bring the missing archive files back from a copy, or the "
        "next sync fetches their days again"
    )


def _left_over(lake: Lake) -> set[str]:
    folder = lake.file_set(UNIT).folder
    return {str(path.relative_to(folder)) for path in (folder / FOLDER).glob("[!_]*.parquet")}


def _extend(
    lake: Lake, transaction: Transaction, manifest: Manifest, target: int
) -> dict[str, int]:
    """Stage what was archived since; return the newest segment with an answer of each dataset."""
    newest: dict[str, int] = dict(manifest.facts.get(_NEWEST, {}))
    names = manifest.below(FOLDER)
    last = names[-1] if names else _part(1)
    if names and manifest.files[last].rows >= row_accounting.TAIL_ROWS:
        names, last = [], _part(_number(last) + 1)
    tail = read_file(lake.file_set(UNIT).folder / last if names else None, INDEX_SCHEMA)
    held, count = [tail], tail.num_rows
    for rows in lake.archive.scan(INDEX_SCHEMA.names, after=manifest.watermark, up_to=target):
        if count and count + rows.num_rows > row_accounting.PART_ROWS:
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
