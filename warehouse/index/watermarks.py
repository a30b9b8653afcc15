"""Watermarks: the archive segment up to which all responses are in a dataset's tables.

The manifest of the tables holds the watermark; a small file of the same file set repeats it for the
views of the catalogue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.archive.missing_segments import (
    MISSING_FACT,
    SegmentRanges,
    missing_segments,
    subtract,
)
from warehouse.errors import LockTimeoutError
from warehouse.index import request_index
from warehouse.lake import Lake, file_set_name
from warehouse.storage import live_parquet
from warehouse.storage.arrow_fields import arrow_field
from warehouse.storage.atomic_files import explained
from warehouse.storage.transaction import Manifest, Transaction

FOLDER = "index/watermarks"
WATERMARK_SCHEMA = pa.schema(
    [
        arrow_field("dataset", pa.string(), "Dataset of the tables"),
        arrow_field(
            "built_to_segment", pa.int64(), "All archive segments up to this one are in the tables"
        ),
    ]
)
# The fact in the manifest of the tables that holds the content of the file.
_PUBLISHED_FACT = "watermark_shown"
_COLUMNS = ("dataset", "device_id", "segment", "outcome")
# Archived responses that are not in the tables, by dataset and device.
Pending = dict[str, Counter[str]]


@dataclass(frozen=True, slots=True)
class Watermark:
    """The part of the archive that is in a dataset's tables.

    Attributes:
        segment: The last segment in the tables; 0 before the first build.
        restored: Segments below it that were missing at the last build and have been restored.
    """

    segment: int
    restored: SegmentRanges = field(default_factory=list)

    def excludes(self, segments: np.ndarray) -> np.ndarray:
        """Return for each segment number whether its responses are not in the tables."""
        excluded: np.ndarray = segments > self.segment
        for first, last in self.restored:
            excluded |= (segments >= first) & (segments <= last)
        return excluded

    @property
    def complete_to(self) -> int:
        """The segment up to which the tables are complete."""
        return min([self.segment, *(first - 1 for first, _ in self.restored)])


def watermarks(lake: Lake, datasets: Iterable[str]) -> dict[str, Watermark]:
    """Return the watermark of each dataset, without locks."""
    lost = missing_segments(lake.archive)
    return {
        dataset: _watermark(lake.file_set(file_set_name(dataset)).manifest(), lost)
        for dataset in datasets
    }


def pending_responses(lake: Lake, datasets: Iterable[str]) -> Pending:
    """Count archived responses that are not in the tables yet.

    A process that dies between archiving and building leaves such responses, and a running fetch
    has some for a while. Only published segments count; nothing is locked or written.

    Args:
        lake: The data folder.
        datasets: The datasets to count.

    Returns:
        The number of responses (one per page) by dataset and device ("" is the account), in the
        order of `datasets`; without datasets that are complete.

    Raises:
        DamagedError: An archive file is damaged.
    """
    marks = watermarks(lake, datasets)
    index = request_index.trusted_manifest(lake)
    counts: Pending = {dataset: Counter() for dataset in marks}
    for rows in _successful_responses(lake, index, marks):
        for dataset in set(pc.unique(rows["dataset"]).to_pylist()) & marks.keys():
            selected = rows.filter(pc.equal(rows["dataset"], dataset))
            excluded = marks[dataset].excludes(np.asarray(selected["segment"]))
            counts[dataset].update(selected.filter(pa.array(excluded))["device_id"].to_pylist())
    return {dataset: devices for dataset, devices in counts.items() if devices}


def stage(transaction: Transaction, dataset: str, segment: int, facts: dict[str, object]) -> None:
    """Stage the file with the watermark of a dataset for the views of the catalogue.

    Args:
        transaction: A transaction of the file set of the dataset's tables.
        dataset: The dataset.
        segment: The segment up to which the tables are complete.
        facts: The facts of the manifest that will be committed; updated.
    """
    name = _file(dataset)
    rows = pa.Table.from_pylist(
        [{"dataset": dataset, "built_to_segment": segment}], WATERMARK_SCHEMA
    )
    path = transaction.path_for(name)
    live_parquet.write_table(path, rows, transaction.live(name))
    transaction.add(name, path, rows.num_rows)
    facts[_PUBLISHED_FACT] = segment


def publish_watermarks(lake: Lake, datasets: Iterable[str]) -> None:
    """Update the files of `stage` that are missing or out of date.

    An older givlake does not write them; a manifest can be lost; lost segments can be restored.
    Tables that are being built are left to the next call.

    Raises:
        StoreError: The disk is full or not writable.
    """
    lost = missing_segments(lake.archive)
    for dataset in datasets:
        file_set = lake.file_set(file_set_name(dataset))
        if _is_published(lake, file_set.manifest(), dataset, lost):
            continue
        try:
            with file_set.lock(0.0), explained("Writing a watermark into", lake.folder):
                manifest = file_set.manifest()
                if manifest is None:
                    (lake.folder / _file(dataset)).unlink(missing_ok=True)
                elif not _is_published(lake, manifest, dataset, lost):
                    transaction = file_set.begin()
                    stage(
                        transaction, dataset, _watermark(manifest, lost).complete_to, manifest.facts
                    )
                    transaction.commit(manifest)
        except LockTimeoutError:
            continue


def are_published(lake: Lake, datasets: Iterable[str]) -> bool:
    """Return whether the files of `stage` are up to date."""
    lost = missing_segments(lake.archive)
    return all(
        _is_published(lake, lake.file_set(file_set_name(dataset)).manifest(), dataset, lost)
        for dataset in datasets
    )


def write_all(lake: Lake, datasets: Iterable[str], path: Path) -> None:
    """Write the watermarks of datasets to a single file for the views."""
    rows = [
        {"dataset": dataset, "built_to_segment": mark.complete_to}
        for dataset, mark in watermarks(lake, datasets).items()
    ]
    pq.write_table(pa.Table.from_pylist(rows, WATERMARK_SCHEMA), path)


def _is_published(lake: Lake, manifest: Manifest | None, dataset: str, lost: SegmentRanges) -> bool:
    exists = (lake.folder / _file(dataset)).exists()
    if manifest is None:
        return not exists
    return exists and manifest.facts.get(_PUBLISHED_FACT) == _watermark(manifest, lost).complete_to


def _watermark(manifest: Manifest | None, lost: SegmentRanges) -> Watermark:
    if manifest is None:
        return Watermark(0)
    return Watermark(manifest.watermark, subtract(manifest.facts.get(MISSING_FACT) or [], lost))


def _successful_responses(
    lake: Lake, index: Manifest | None, marks: dict[str, Watermark]
) -> Iterator[pa.Table]:
    """Read the successful responses that may not be in the tables.

    From the index of requests as far as possible, since it is far smaller than the archive, and
    only if a dataset has new responses since its last build.
    """
    after = min((mark.complete_to for mark in marks.values()), default=0)
    if index is not None:
        newest = request_index.newest_answers(index)
        behind = [
            mark.complete_to
            for dataset, mark in marks.items()
            if newest.get(dataset, 0) > mark.complete_to
        ]
        after = min(behind, default=index.watermark)
        try:
            indexed = list(_indexed(lake, index, after))
        except (OSError, pa.ArrowException):
            pass  # replaced meanwhile, or damaged: read the archive instead
        else:
            yield from indexed
            after = index.watermark
    for rows in lake.archive.scan(_COLUMNS, after=after):
        yield rows.filter(pc.equal(rows["outcome"], "ok"))


def _indexed(lake: Lake, index: Manifest, after: int) -> Iterator[pa.Table]:
    """Read the successful responses above a segment from the index of requests."""
    if after >= index.watermark:
        return
    segments = [("segment", ">", after), ("segment", "<=", index.watermark)]
    filters = [*segments, ("outcome", "=", "ok")]
    folder = lake.file_set(request_index.FILE_SET_NAME).folder
    for path in map(folder.joinpath, index.below(request_index.FOLDER)):
        yield pq.read_table(path, columns=list(_COLUMNS), filters=filters, partitioning=None)


def _file(dataset: str) -> str:
    return f"{FOLDER}/{dataset}.parquet"
