"""How far each dataset's tables have come in the archive, and what they lack of it.

A watermark is the segment up to which all archived responses are in the tables. The manifest of the
tables has it; a small file of the same unit repeats it for the views of the catalogue.
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

from warehouse.archive.missing_segments import Gaps, missing, without
from warehouse.coverage import request_index
from warehouse.errors import LockTimeoutError
from warehouse.lake import Lake, file_set_name
from warehouse.storage import live_parquet
from warehouse.storage.atomic_files import explained
from warehouse.storage.transaction import Manifest, Transaction

FOLDER = "index/watermarks"
WATERMARK_SCHEMA = pa.schema(
    [
        pa.field("dataset", pa.string(), metadata={"description": "Dataset of the tables"}),
        pa.field(
            "built_to_segment",
            pa.int64(),
            metadata={"description": "All archive segments up to this one are in the tables"},
        ),
    ]
)
# In the manifest of the tables: what the file says.
_SHOWN = "watermark_shown"
_COLUMNS = ("dataset", "device_id", "segment", "outcome")
# Of each dataset that lacks any: archived responses that its tables lack, by device.
Pending = dict[str, Counter[str]]


@dataclass(frozen=True, slots=True)
class Watermark:
    """What a dataset's tables hold of the archive.

    Attributes:
        segment: All segments up to this one; 0 before the first build.
        returned: Segments below it that were missing at the last build and are back since.
    """

    segment: int
    returned: Gaps = field(default_factory=list)

    def lacks(self, segments: np.ndarray) -> np.ndarray:
        """Tell for each segment number whether the tables lack the dataset's responses in it."""
        lacking: np.ndarray = segments > self.segment
        for first, last in self.returned:
            lacking |= (segments >= first) & (segments <= last)
        return lacking

    @property
    def certain(self) -> int:
        """The segment up to which the tables lack nothing."""
        return min([self.segment, *(first - 1 for first, _ in self.returned)])


def watermarks(lake: Lake, datasets: Iterable[str]) -> dict[str, Watermark]:
    """Return the watermark of each dataset, without locks."""
    lost = missing(lake.archive)
    return {
        dataset: _watermark(lake.file_set(file_set_name(dataset)).manifest(), lost)
        for dataset in datasets
    }


def pending_responses(lake: Lake, datasets: Iterable[str]) -> Pending:
    """Count archived responses that are not in the tables yet.

    They are left there by a process that died between the archive and the tables, and for a while
    by one that is fetching. Only what is published counts; nothing is locked or written.

    Args:
        lake: The data folder.
        datasets: The datasets to look at.

    Returns:
        The number of responses (each page is one) by dataset and device, "" being the account,
        in the order of ``datasets``; without those that lack nothing.

    Raises:
        DamagedError: a file of the archive does not hold what was written to it.
    """
    marks = watermarks(lake, datasets)
    index = request_index.trusted_manifest(lake)
    counts: Pending = {dataset: Counter() for dataset in marks}
    for rows in _answers(lake, index, marks):
        for dataset in set(pc.unique(rows["dataset"]).to_pylist()) & marks.keys():
            mine = rows.filter(pc.equal(rows["dataset"], dataset))
            lacking = marks[dataset].lacks(np.asarray(mine["segment"]))
            counts[dataset].update(mine.filter(pa.array(lacking))["device_id"].to_pylist())
    return {dataset: devices for dataset, devices in counts.items() if devices}


def stage(transaction: Transaction, dataset: str, segment: int, facts: dict[str, object]) -> None:
    """Stage the file that tells the catalogue's views how far a dataset's tables have come.

    Args:
        transaction: A transaction of the file set of the dataset's tables.
        dataset: The dataset.
        segment: The segment up to which the tables lack nothing.
        facts: Those of the manifest that the change will be committed with.
    """
    name = _file(dataset)
    rows = pa.Table.from_pylist(
        [{"dataset": dataset, "built_to_segment": segment}], WATERMARK_SCHEMA
    )
    path = transaction.path_for(name)
    live_parquet.write_table(path, rows, transaction.live(name))
    transaction.add(name, path, rows.num_rows)
    facts[_SHOWN] = segment


def show(lake: Lake, datasets: Iterable[str]) -> None:
    """Let the files of :func:`stage` say what is so, whoever has built or changed tables since.

    An older givlake writes none; a manifest can be lost; lost segments can come back. Tables that
    somebody is building are left to the next call.

    Raises:
        StoreError: the disk is full or not writable.
    """
    lost = missing(lake.archive)
    for dataset in datasets:
        file_set = lake.file_set(file_set_name(dataset))
        if _is_shown(lake, file_set.manifest(), dataset, lost):
            continue
        try:
            with file_set.lock(0.0), explained("Writing a watermark into", lake.folder):
                manifest = file_set.manifest()
                if manifest is None:
                    (lake.folder / _file(dataset)).unlink(missing_ok=True)
                elif not _is_shown(lake, manifest, dataset, lost):
                    transaction = file_set.begin()
                    stage(transaction, dataset, _watermark(manifest, lost).certain, manifest.facts)
                    transaction.commit(manifest)
        except LockTimeoutError:
            continue


def are_shown(lake: Lake, datasets: Iterable[str]) -> bool:
    """Tell whether the files that the views read say what is so."""
    lost = missing(lake.archive)
    return all(
        _is_shown(lake, lake.file_set(file_set_name(dataset)).manifest(), dataset, lost)
        for dataset in datasets
    )


def write_all(lake: Lake, datasets: Iterable[str], path: Path) -> None:
    """Write into one file what the views should read of datasets."""
    rows = [
        {"dataset": dataset, "built_to_segment": mark.certain}
        for dataset, mark in watermarks(lake, datasets).items()
    ]
    pq.write_table(pa.Table.from_pylist(rows, WATERMARK_SCHEMA), path)


def _is_shown(lake: Lake, manifest: Manifest | None, dataset: str, lost: Gaps) -> bool:
    is_there = (lake.folder / _file(dataset)).exists()
    if manifest is None:
        return not is_there
    return is_there and manifest.facts.get(_SHOWN) == _watermark(manifest, lost).certain


def _watermark(manifest: Manifest | None, lost: Gaps) -> Watermark:
    if manifest is None:
        return Watermark(0)
    return Watermark(manifest.watermark, without(manifest.facts.get("gaps") or [], lost))


def _answers(lake: Lake, index: Manifest | None, marks: dict[str, Watermark]) -> Iterator[pa.Table]:
    """Read successful responses that may not be in the tables.

    From the index of requests as far as it goes, which is far smaller than the archive; of it,
    only if a dataset has had an answer since its last build.
    """
    after = min((mark.certain for mark in marks.values()), default=0)
    if index is not None:
        newest = request_index.newest_answers(index)
        behind = [mark.certain for of, mark in marks.items() if newest.get(of, 0) > mark.certain]
        after = min(behind, default=index.watermark)
        try:
            indexed = list(_indexed(lake, index, after))
        except (OSError, pa.ArrowException):
            pass  # replaced meanwhile, or damaged: the archive has the same
        else:
            yield from indexed
            after = index.watermark
    for rows in lake.archive.scan(_COLUMNS, after=after):
        yield rows.filter(pc.equal(rows["outcome"], "ok"))


def _indexed(lake: Lake, index: Manifest, after: int) -> Iterator[pa.Table]:
    """Read successful responses above a segment that the index of requests knows of."""
    if after >= index.watermark:
        return
    segments = [("segment", ">", after), ("segment", "<=", index.watermark)]
    wanted = [*segments, ("outcome", "=", "ok")]
    folder = lake.file_set(request_index.UNIT).folder
    for path in map(folder.joinpath, index.below(request_index.FOLDER)):
        yield pq.read_table(path, columns=list(_COLUMNS), filters=wanted, partitioning=None)


def _file(dataset: str) -> str:
    return f"{FOLDER}/{dataset}.parquet"
