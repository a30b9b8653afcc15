"""How far each dataset's tables have come in the archive, and what they lack of it.

A watermark is the segment up to which all archived responses are in the tables. The manifest of the
tables has it; a small file of the same unit repeats it for the views of the catalogue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse import ledger, requests
from warehouse.archive.gaps import Gaps, missing, without
from warehouse.files import explained
from warehouse.lake import Lake, unit_name
from warehouse.units import Change, Manifest

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
    def lowest_lacking(self) -> int:
        """The least segment number that :meth:`lacks` can be true for."""
        return min([self.segment + 1, *(first for first, _ in self.returned)])


def watermarks(lake: Lake, datasets: Iterable[str]) -> dict[str, Watermark]:
    """Return the watermark of each dataset, without locks."""
    lost = missing(lake.archive)
    found = {}
    for dataset in datasets:
        manifest = lake.unit(unit_name(dataset)).manifest() or Manifest()
        returned = without(manifest.facts.get("gaps") or [], lost)
        found[dataset] = Watermark(manifest.watermark, returned)
    return found


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
    after = min((mark.lowest_lacking for mark in marks.values()), default=1) - 1
    counts: Pending = {dataset: Counter() for dataset in marks}
    for rows in _answers(lake, after):
        for dataset in set(pc.unique(rows["dataset"]).to_pylist()) & marks.keys():
            mine = rows.filter(pc.equal(rows["dataset"], dataset))
            lacking = marks[dataset].lacks(np.asarray(mine["segment"]))
            counts[dataset].update(mine.filter(pa.array(lacking))["device_id"].to_pylist())
    return {dataset: devices for dataset, devices in counts.items() if devices}


def _answers(lake: Lake, after: int) -> Iterator[pa.Table]:
    """Read dataset and segment of successful responses in segments above ``after``.

    From the index of requests as far as it goes, which is far smaller than the archive.
    """
    held: list[pa.Table] = []
    index = requests.trusted_manifest(lake)
    reached = after
    if index is not None and index.watermark > after:
        wanted = [("segment", ">", after), ("segment", "<=", index.watermark)]
        try:
            held = [
                pq.read_table(
                    lake.folder / name, columns=list(_COLUMNS), filters=wanted, partitioning=None
                )
                for name in index.below(requests.FOLDER)
            ]
            reached = index.watermark
        except (OSError, pa.ArrowException):
            held = []  # replaced or damaged meanwhile: the archive has the same
    for rows in (*held, *lake.archive.scan(_COLUMNS, after=reached)):
        yield rows.filter(pc.equal(rows["outcome"], "ok"))


def stage(change: Change, dataset: str, segment: int) -> None:
    """Stage the file that tells the catalogue's views how far a dataset's tables have come."""
    name = _file(dataset)
    rows = pa.Table.from_pylist(
        [{"dataset": dataset, "built_to_segment": segment}], WATERMARK_SCHEMA
    )
    if name in change.removes:
        change.removes.remove(name)
    path = change.path_for(name)
    ledger.write_book(path, rows, change.live(name))
    change.add(name, path, rows.num_rows)


def add_missing(lake: Lake, datasets: Sequence[str]) -> None:
    """Write the files of :func:`stage` for tables that an older givlake has built.

    Raises:
        StoreError: the disk is full or not writable.
    """
    for dataset in datasets:
        unit = lake.unit(unit_name(dataset))
        if _is_lacking(unit.manifest(), dataset):
            with unit.lock(), explained("Writing a watermark into", lake.folder):
                manifest = unit.manifest()
                if manifest is not None and _is_lacking(manifest, dataset):
                    change = unit.begin()
                    stage(change, dataset, manifest.watermark)
                    change.commit(manifest)


def _is_lacking(manifest: Manifest | None, dataset: str) -> bool:
    return manifest is not None and _file(dataset) not in manifest.files


def _file(dataset: str) -> str:
    return f"{FOLDER}/{dataset}.parquet"
