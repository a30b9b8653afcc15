"""The archive: what is appended comes back as it was, from segments and from packs."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.support.timeouts import TIMEOUT_S
from tests.support.toy_decoder import DATASET, answer, day_rows, failure
from warehouse.archive import Archive, Entry, compact
from warehouse.archive.entry import Rank, sequence_number
from warehouse.archive.store import ResponseBatch
from warehouse.errors import DamagedError
from warehouse.lake import Lake

DAY = date(2025, 6, 1)


def read_all(lake: Lake, dataset: str = DATASET, **limits: int) -> dict[int, bytes]:
    batches = lake.archive.read(dataset, **limits)
    return {
        response.response_id: response.body for batch in batches for response in batch.responses
    }


def fill(lake: Lake, count: int = 5) -> dict[int, bytes]:
    """Archive some segments, with a body that repeats and one failure each."""
    kept: dict[int, bytes] = {}
    for number in range(count):
        entries = [
            answer("B", DAY, day_rows(DAY, power=number)),
            answer("A", DAY, day_rows(DAY)),
            answer("A", DAY, day_rows(DAY), dataset="other"),
        ]
        for entry in entries:
            (response_id,) = lake.archive.append([entry])
            if entry.dataset == DATASET:
                kept[response_id] = entry.body
        lake.archive.append([failure("A", DAY, 503)])
        lake.archive.flush()
    return kept


def test_what_is_appended_comes_back_as_it_was(lake: Lake) -> None:
    moment = datetime(2025, 6, 2, 1, 2, 3, 456789, tzinfo=UTC)
    entry = answer("A", DAY, day_rows(DAY), fetched_at=moment, account="acc", redaction_version=3)
    (response_id,) = lake.archive.append([entry])
    assert read_all(lake) == {}  # not before it is durable
    lake.archive.flush()
    (batch,) = lake.archive.read(DATASET)
    (back,) = batch.responses
    for name in ("dataset", "device_id", "request_date", "request_zone", "path", "params", "status",
                 "requested_at", "fetched_at", "page", "complete", "rows", "body", "account",
                 "redaction_version"):  # fmt: skip
        assert getattr(back, name) == getattr(entry, name), name
    assert (back.response_id, back.fetch_id, back.segment) == (response_id, response_id, 1)


def test_pages_of_a_fetch_stay_together_even_in_the_smallest_batches(lake: Lake) -> None:
    pages = [answer("A", DAY, day_rows(DAY), page=page, page_count=3) for page in (1, 2, 3)]
    for _ in range(4):
        ids = lake.archive.append(pages)
        assert ids == list(range(ids[0], ids[0] + 3))
    lake.archive.flush()
    for batch in lake.archive.read(DATASET, max_body_bytes=1):
        by_fetch = [response.fetch_id for response in batch.responses]
        assert all(by_fetch.count(fetch) == 3 for fetch in by_fetch)


def test_reading_one_dataset_opens_no_other_datasets_row_groups(lake: Lake) -> None:
    fill(lake, 1)
    (file,) = lake.archive.files()
    metadata = pq.ParquetFile(file.path).metadata
    datasets = [
        {
            metadata.row_group(at).column(2).statistics.min,
            metadata.row_group(at).column(2).statistics.max,
        }
        for at in range(metadata.num_row_groups)
    ]
    assert datasets == [{"other"}, {"readings"}]


def test_files_that_were_read_before_are_read_again_once_they_are_other_ones(lake: Lake) -> None:
    def bodies(dataset: str) -> list[bytes]:
        return [r.body for batch in lake.archive.read(dataset) for r in batch.responses]

    lake.archive.append([answer("A", DAY, day_rows(DAY))])
    lake.archive.flush()
    assert (len(bodies(DATASET)), bodies("other")) == (1, [])
    other = answer("A", DAY, day_rows(DAY), dataset="other")
    lake.archive.append([other])
    lake.archive.flush()
    assert (len(bodies(DATASET)), bodies("other")) == (1, [other.body])
    compact(lake.archive)
    assert (len(bodies(DATASET)), bodies("other")) == (1, [other.body])
    (pack,) = lake.archive.packs.rglob("*.parquet")
    content = pack.read_bytes()
    pack.write_bytes(b"damaged")
    with pytest.raises(DamagedError):
        bodies("a third")
    pack.write_bytes(content)
    assert (bodies("a third"), bodies("other")) == ([], [other.body])


def test_responses_are_numbered_upwards_over_threads_and_archives(folder: Path) -> None:
    numbers: list[int] = []
    with Lake(folder) as one, Lake(folder) as two:

        def work(lake: Lake) -> None:
            for _ in range(50):
                numbers.extend(lake.archive.append([answer("A", DAY, [])]))

        threads = [threading.Thread(target=work, args=(lake,)) for lake in (one, two, one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(set(numbers)) == 200
    with Lake(folder) as lake:
        assert set(read_all(lake)) == set(numbers)


@pytest.mark.parametrize("content", [b"", b"12", b"garbage that is not a number!\n"])
def test_a_lost_sequence_is_found_again_in_the_files(folder: Path, content: bytes) -> None:
    with Lake(folder) as lake:
        lake.archive._ids.raise_to(1 << 55)
        (old,) = lake.archive.append([answer("A", DAY, [])])
    assert old > 1 << 55
    for name in ("last_response", "last_segment"):
        (folder / "archive" / name).write_bytes(content)
    with Lake(folder) as lake:
        (new,) = lake.archive.append([answer("A", DAY, [])])
        lake.archive.flush()
        assert new > old
        assert lake.archive.last_segment() == 2


def test_the_buffer_is_flushed_by_age_and_by_size(folder: Path) -> None:
    with Lake(folder) as lake:
        parts = (lake.folder / "archive", lake.folder / "locks", lake.scratch)
        lake.archive.recover_sequences()
        by_age = Archive(*parts, flush_age_s=0.05)
        by_age.append([answer("A", DAY, [])])
        deadline = time.monotonic() + TIMEOUT_S
        while not by_age.files() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(by_age.files()) == 1
        by_size = Archive(*parts, flush_body_bytes=10)
        by_size.append([answer("A", DAY, day_rows(DAY))])
        assert len(by_size.files()) == 2


def test_compaction_keeps_the_content_and_stores_equal_bodies_once(lake: Lake) -> None:
    kept = fill(lake)
    assert len(lake.archive.files()) == 5
    report = compact(lake.archive)
    assert (report.merged_files, report.packs_written) == (5, 1)
    assert [path.name for path in lake.archive.packs.iterdir()] == [
        "000000000001-000000000005.parquet"
    ]
    assert list(lake.archive.segments.iterdir()) == []
    assert read_all(lake) == kept
    packed = pq.read_table(lake.archive.packs / "000000000001-000000000005.parquet")
    assert packed["body"].null_count == 4 + 4 + 4  # of A's five, the other dataset's, the failures
    assert compact(lake.archive).packs_written == 0


def test_watermarks_hold_inside_a_pack(lake: Lake) -> None:
    kept = fill(lake)
    per_segment = [list(kept)[at : at + 2] for at in range(0, 10, 2)]
    compact(lake.archive)
    assert sorted(read_all(lake, after=3)) == sorted(per_segment[3] + per_segment[4])
    assert sorted(read_all(lake, after=1, up_to=2)) == sorted(per_segment[1])
    fill(lake, 1)
    assert lake.archive.last_segment() == 6
    assert compact(lake.archive).merged_files == 2


def test_packs_stay_within_the_size_that_memory_holds(lake: Lake) -> None:
    kept = fill(lake)
    one_segment = sum(map(len, kept.values())) // 5 * 2
    compact(lake.archive, max_body_bytes=2 * one_segment)
    assert 2 <= len(lake.archive.files()) <= 4
    assert read_all(lake) == kept


class _StopHereError(Exception):
    pass


@pytest.mark.slow
def test_compaction_can_stop_at_every_step(folder: Path) -> None:
    steps: list[str] = []
    with Lake(folder) as lake:
        kept = fill(lake)
        compact(lake.archive, step=steps.append)
    assert steps[:4] == ["tidy", "read", "write", "publish"]
    assert steps.count("unlink") == 5
    for stop_at in range(len(steps)):
        with Lake(folder.with_name(f"stopped-{stop_at}")) as lake:
            kept = fill(lake)
            left = iter(range(stop_at))

            def step(_: str, left: object = left) -> None:
                if next(left, None) is None:  # type: ignore[call-overload]
                    raise _StopHereError

            with pytest.raises(_StopHereError):
                compact(lake.archive, step=step)
            assert read_all(lake) == kept
            compact(lake.archive)
            assert read_all(lake) == kept
            assert len(lake.archive.files()) == 1
            assert list(lake.archive.segments.iterdir()) == []


def test_a_reader_goes_on_when_its_files_are_packed_under_it(lake: Lake) -> None:
    kept = fill(lake)
    batches = lake.archive.read(DATASET, max_body_bytes=1)
    found: list[ResponseBatch] = [next(batches), next(batches)]
    compact(lake.archive)
    found += list(batches)
    ids = [response.response_id for batch in found for response in batch.responses]
    assert sorted(ids) == sorted(kept)


def test_someone_without_givlake_can_read_a_body(lake: Lake) -> None:
    entry: Entry = answer("A", DAY, day_rows(DAY))
    lake.archive.append([entry])
    lake.archive.flush()
    row = duckdb.execute(
        f"SELECT body, body_sha256 FROM '{lake.archive.segments}/*.parquet' WHERE outcome = 'ok'"
    ).fetchone()
    assert row == (entry.body, hashlib.sha256(entry.body).digest())


@pytest.mark.parametrize("rank", list(Rank))
def test_a_response_number_says_the_rank_of_its_source(folder: Path, rank: Rank) -> None:
    entry = replace(answer("A", DAY, []), rank=rank, source="house", source_sha256=b"x" * 32)
    with Lake(folder) as lake:
        (api,) = lake.archive.append([answer("A", DAY, [])])
        (other,) = lake.archive.append([entry])
        (newer,) = lake.archive.append([answer("A", DAY, [])])
        lake.archive.flush()
        (rows,) = lake.archive.scan(["response_id", "source", "source_sha256"])
    assert Rank.of(other) is rank
    assert Rank.of(api) is Rank.of(newer) is Rank.API
    assert sequence_number(api) < sequence_number(other) < sequence_number(newer)
    assert (other < 0) == (rank is not Rank.API)
    assert {row["response_id"]: row["source"] for row in rows.to_pylist()} == {
        api: "api",
        other: "house",
        newer: "api",
    }
    (folder / "archive" / "last_response").write_bytes(b"")
    with Lake(folder) as lake:
        (next_one,) = lake.archive.append([entry])
    assert sequence_number(next_one) > sequence_number(newer)
