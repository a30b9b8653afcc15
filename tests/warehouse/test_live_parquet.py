"""Files that are replaced while somebody reads them: whoever has an old footer reads old rows."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.table_content import content_of, rows_of
from tests.support.toy_decoder import ToyDecoder, answer, day_rows
from warehouse.coverage import refresh_coverage
from warehouse.forget import forget
from warehouse.lake import EXPECTED_SCHEMA, Lake
from warehouse.storage.live_parquet import content_digest, data_span, unused_bytes, write
from warehouse.tables.build import build, rebuild
from warehouse.vacuum import vacuum
from warehouse.verification.integrity import check

DAY = date(2025, 6, 1)
DEVICES = ("SECRET", "KEPT")


def some_rows(count: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    names = pa.array([f"name {number % 7}" for number in range(count)])
    return pa.table({"x": random.random(count), "name": names, "seed": np.full(count, seed)})


def replaced(folder: Path, rows: pa.Table, groups: int = 1) -> Path:
    """Write rows beside the live file of a folder and put them in its place; return the file."""
    live, temporary = folder / "live.parquet", folder / "temporary"
    size = -(-rows.num_rows // groups)
    cut = [rows.slice(start, size) for start in range(0, max(rows.num_rows, 1), max(size, 1))]
    write(temporary, rows.schema, lambda: cut, live, compression="zstd", write_page_checksum=True)
    temporary.replace(live)
    return live


def read_with(path: Path, footer: pq.FileMetaData | None = None) -> pa.Table:
    with pq.ParquetFile(path, metadata=footer, page_checksum_verification=True) as parquet:
        return parquet.read()


SIZES = {
    "a file that grows a little each time": [1000 + 20 * at for at in range(20)],
    "a file that shrinks": [2000, 1500, 900, 300, 1],
    "a file that doubles": [200, 400, 800, 1600, 3200],
    "a file that comes and goes": [1000, 0, 1000, 1, 0, 0, 500],
}


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("case", SIZES)
def test_an_old_footer_reads_the_old_rows_in_the_new_file(
    tmp_path: Path, case: str, groups: int
) -> None:
    before: pa.Table | None = None
    footer: pq.FileMetaData | None = None
    largest = 0
    sizes = []
    for seed, count in enumerate(SIZES[case]):
        rows = some_rows(count, seed)
        path = replaced(tmp_path, rows, groups)
        assert read_with(path).equals(rows)
        if before is not None:
            assert read_with(path, footer).equals(before)
        before, footer = rows, pq.read_metadata(path)
        first, last = data_span(path) or (4, 4)
        largest = max(largest, last - first)
        sizes.append(path.stat().st_size)
    assert max(sizes) < 4 * largest + 5000
    assert sizes == sorted(sizes)
    # Who knows where a file ended finds a footer there, but for the few times that it grows.
    assert len(set(sizes)) <= 5


def test_the_content_is_the_same_wherever_it_stands(tmp_path: Path) -> None:
    first = content_digest(replaced(tmp_path, some_rows(500, 1)))
    other = content_digest(replaced(tmp_path, some_rows(500, 2)))
    path = replaced(tmp_path, some_rows(500, 1))
    assert content_digest(path) == first != other
    assert data_span(path) != data_span(replaced(tmp_path, some_rows(500, 1)))


def test_what_is_no_parquet_file_is_replaced_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "live.parquet").write_bytes(b"something else")
    path = replaced(tmp_path, some_rows(10, 1))
    assert read_with(path).num_rows == 10
    assert unused_bytes(path) == 0


def replaced_ago(lake: Lake, unit: str, *, seconds: int = 3600) -> None:
    """Let a unit's files have been replaced that long ago."""
    manifest = lake.file_set(unit).manifest()
    assert manifest is not None
    path = lake.folder / f"index/manifests/{unit}.json"
    text = path.read_text()
    for name, fact in manifest.files.items():
        old = time.time_ns() - seconds * 10**9
        os.utime(lake.folder / name, ns=(old, old))
        text = text.replace(str(fact.mtime_ns), str(old))
    path.write_text(text)


def built(lake: Lake, power: float) -> Path:
    lake.archive.append([answer("A", DAY, day_rows(DAY, 96, power=power))])
    build(lake, ToyDecoder())
    refresh_coverage(lake, [])
    (path,) = (lake.folder / "tables").rglob("part-*")
    return path


@pytest.mark.slow
def test_trimming_leaves_the_rows_where_they_are(lake: Lake) -> None:
    for power in (1.0, 200.0, 300.0):
        path = built(lake, power)
    content, footer = content_of(lake.folder), pq.read_metadata(path)
    size, span = path.stat().st_size, data_span(path)
    assert vacuum(lake) == 0  # somebody may still be reading what was there before
    replaced_ago(lake, "build-readings")
    assert vacuum(lake) > 0
    assert data_span(path) == span
    assert path.stat().st_size < size
    assert read_with(path, footer).num_rows == 96
    assert content_of(lake.folder) == content
    assert vacuum(lake, force=True) > 0  # the indexes
    assert vacuum(lake, force=True) == 0
    assert check(lake) == []
    assert build(lake, ToyDecoder()).damage == []
    assert len(rows_of(lake.folder, "index/coverage")) == 1
    built(lake, 400.0)
    assert check(lake) == []


def test_trimming_leaves_a_unit_alone_that_another_process_is_at(lake: Lake) -> None:
    built(lake, 1.0)
    built(lake, 2.0)
    replaced_ago(lake, "build-readings")
    with lake.file_set("build-readings").lock():
        assert vacuum(lake) == 0
    assert vacuum(lake) > 0


def test_what_a_clock_that_was_set_back_wrote_is_trimmed_when_it_must_be_at_once(
    lake: Lake,
) -> None:
    """What was forgotten stayed in files whose times were ahead of the machine's clock."""
    built(lake, 1.0)
    built(lake, 2.0)
    replaced_ago(lake, "build-readings", seconds=-3600)
    assert vacuum(lake) == 0
    assert vacuum(lake, force=True) > 0


def test_a_rebuild_leaves_files_alone_whatever_they_replaced(lake: Lake) -> None:
    for power in (1.0, 2.0, 3.0):
        path = built(lake, power)
    inode = path.stat().st_ino
    rebuild(lake, ToyDecoder())
    assert path.stat().st_ino == inode


@pytest.mark.slow
def test_nothing_of_what_was_forgotten_is_left_beside_the_rows(lake: Lake) -> None:
    moment = datetime(2025, 6, 5, tzinfo=UTC)
    for power in (1.0, 2.0, 3.0):
        for device in DEVICES:
            rows = day_rows(DAY, 20, power=power)
            lake.archive.append([answer(device, DAY, rows, fetched_at=moment)])
        build(lake, ToyDecoder())
        refresh_coverage(lake, [])
        expected = [{"dataset": "readings", "device_id": d, "first_date": DAY} for d in DEVICES]
        lake.expect(pa.Table.from_pylist(expected, EXPECTED_SCHEMA))
    forget(lake, devices=["SECRET"], decoders=[ToyDecoder()])
    looked_at = 0
    for path in [
        *(lake.folder / "tables").rglob("*.parquet"),
        *(lake.folder / "index").rglob("*.parquet"),
        lake.folder / "expected_days.parquet",
    ]:
        content = path.read_bytes()
        first, last = data_span(path) or (4, 4)
        footer = int.from_bytes(content[-8:-4], "little") + 8
        assert content[4:first].strip(b"\0") == b"", path
        assert content[last : len(content) - footer] == b"", path
        looked_at += 1
    assert looked_at >= 7
    assert {row["meter"] for row in rows_of(lake.folder)} == {"KEPT"}
