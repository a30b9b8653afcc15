"""Builds and rebuilds: any order and interruption of builds gives what a rebuild gives."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.table_content import content_of, rows_of
from tests.support.toy_decoder import SCHEMA, ToyDecoder, answer, day_rows, failure, spec
from warehouse.catalogue import publish
from warehouse.connection import connect
from warehouse.coverage import refresh_coverage
from warehouse.errors import AccountingError, StoreError, VersionError
from warehouse.index.watermarks import pending_responses
from warehouse.interface.decoder_protocol import Decoded
from warehouse.interface.table_spec import TableSpec
from warehouse.lake import Lake
from warehouse.table_repair import repair_tables
from warehouse.tables.build import build, rebuild
from warehouse.tables.build_report import Limits
from warehouse.tables.partition_files import PartitionLayout, bucket_of

DAY = date(2025, 6, 1)
# Many small stores: the disk's syncs would be most of the time.
MEMORY = Path("/dev/shm")
SMALL = Limits(batch_bytes=1, memory_bytes=1, spill_bytes=1)

powers = st.sampled_from([None, -1.0, 1.0, 2.0])
deliveries = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]),
        st.sampled_from([DAY, DAY - timedelta(days=1)]),  # two months
        st.lists(st.tuples(st.integers(0, 2), powers), max_size=5),
        st.booleans(),  # flushed after it
        st.booleans(),  # built after it
    ),
    min_size=1,
    max_size=8,
)


def rows_at(day: date, values: list[tuple[int, float | None]]) -> list[dict[str, Any]]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return [
        {"t": (start + timedelta(hours=hour)).isoformat(), "p": power} for hour, power in values
    ]


def assert_accounted(lake: Lake, decoder: ToyDecoder) -> None:
    publish(lake, decoder.tables)
    with connect(lake) as connection:
        off = connection.execute(
            "SELECT count(*) FROM row_accounting"
            " WHERE rows_in <> new + identical + superseding + superseded + quarantined"
        ).fetchone()
        new, responses = connection.execute(
            "SELECT coalesce(sum(new), 0), count(DISTINCT response_id) FROM row_accounting"
        ).fetchone()
        (accounts,) = connection.execute("SELECT count(*) FROM row_accounting").fetchone()
        (standing,) = connection.execute("SELECT count(*) FROM readings").fetchone()
    assert off == (0,)
    assert new == standing
    assert responses == accounts


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(deliveries, st.booleans())
def test_builds_in_any_steps_leave_what_a_rebuild_makes(delivered: list[Any], tiny: bool) -> None:
    folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    decoder = ToyDecoder()
    limits = SMALL if tiny else Limits()
    try:
        with Lake(folder / "lake") as lake:
            for device, day, values, flush, built in delivered:
                lake.archive.append([answer(device, day, rows_at(day, values))])
                if flush:
                    lake.archive.flush()
                if built:
                    build(lake, decoder, limits=limits)
            build(lake, decoder, limits=limits)
            stepwise = content_of(lake.folder)
            assert_accounted(lake, decoder)
            report = rebuild(lake, decoder)
            assert content_of(lake.folder) == stepwise
            assert_accounted(lake, decoder)
            assert report.responses == len(delivered)
            assert build(lake, decoder).responses == 0
    finally:
        shutil.rmtree(folder)


def test_a_build_takes_what_another_process_archived(folder: Path) -> None:
    with Lake(folder) as fetcher:
        fetcher.archive.append([answer("A", DAY, day_rows(DAY))])
    with Lake(folder) as builder:
        assert pending_responses(builder, ["readings"]) == {"readings": {"A": 1}}
        assert build(builder, ToyDecoder()).rows("new") == 4
        assert pending_responses(builder, ["readings"]) == {}


def test_newest_survives_a_clock_that_runs_back(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.archive.append([answer("A", DAY, rows_at(DAY, [(0, 1.0)]))])
    monkeypatch.setattr("warehouse.archive.store.now_us", lambda: 1_000_000)
    (later,) = lake.archive.append([answer("A", DAY, rows_at(DAY, [(0, 2.0)]))])
    build(lake, ToyDecoder())
    (row,) = rows_of(lake.folder)
    assert (row["power_w"], row["response_id"]) == (2.0, later)


def test_the_later_of_two_rows_of_one_response_wins_and_the_other_is_in_quarantine(
    lake: Lake,
) -> None:
    lake.archive.append([answer("A", DAY, rows_at(DAY, [(0, 1.0), (1, 5.0), (0, 2.0)]))])
    report = build(lake, ToyDecoder())
    assert [row["power_w"] for row in rows_of(lake.folder)] == [2.0, 5.0]
    assert (report.rows(), report.rows("new"), report.rows("quarantined")) == (3, 2, 1)
    (refused,) = rows_of(lake.folder, "index/quarantine/readings")
    assert (refused["reason"], refused["times_seen"]) == ("duplicate_key", 1)
    assert '"power_w": 1.0' in refused["raw"]


def test_the_same_bad_row_brought_again_is_counted_not_repeated(lake: Lake) -> None:
    for _ in range(3):
        lake.archive.append([answer("A", DAY, rows_at(DAY, [(0, -1.0)]))])
        build(lake, ToyDecoder())
    (refused,) = rows_of(lake.folder, "index/quarantine/readings")
    assert (refused["times_seen"], refused["value"]) == (3, "-1.0")


def test_rows_return_from_quarantine_when_the_decoder_learns_better(lake: Lake) -> None:
    lake.archive.append([answer("A", DAY, rows_at(DAY, [(0, -1.0), (1, -9.0), (2, 1.0)]))])
    build(lake, ToyDecoder())
    report = build(lake, ToyDecoder(version=2, refuse_below=-5.0))
    assert report.rebuilt_because == "the tables of readings have a new schema or decoder"
    assert report.returned_from_quarantine == 1
    assert [row["power_w"] for row in rows_of(lake.folder)] == [-1.0, 1.0]


def test_a_new_column_rebuilds_the_table_and_the_catalogue_follows(lake: Lake) -> None:
    lake.archive.append([answer("A", DAY, day_rows(DAY))])
    old = ToyDecoder()
    build(lake, old)
    publish(lake, old.tables)
    wider = SCHEMA.append(pa.field("note", pa.string()))
    new = ToyDecoder(version=2, tables=(spec(2, wider),))
    with connect(lake) as reader:
        build(lake, new)
        # The old view goes on over the new files, in a session opened before and after.
        assert reader.execute("SELECT count(*) FROM readings").fetchone() == (4,)
    assert publish(lake, new.tables)
    with connect(lake) as reader:
        assert reader.execute("SELECT count(*), count(note) FROM readings").fetchone() == (4, 0)


def test_a_folder_of_an_older_givlake_that_lacks_a_column_is_repaired(
    lake: Lake,
) -> None:
    lake.archive.append([answer("A", DAY, day_rows(DAY))])
    old = ToyDecoder()
    build(lake, old)
    publish(lake, old.tables)
    wider = SCHEMA.append(pa.field("note", pa.string()))
    new = ToyDecoder(version=2, tables=(spec(2, wider),))
    # What every command does first.
    assert publish(lake, new.tables)
    repair_tables(lake, [new])
    with connect(lake) as reader:
        assert reader.execute("SELECT count(*), count(note) FROM readings").fetchone() == (4, 0)
        assert reader.execute("SELECT count(*) FROM readings_superseded").fetchone() == (0,)
    assert build(lake, new).rebuilt_because is None


def test_an_older_decoder_refuses_tables_of_a_newer_one(lake: Lake) -> None:
    build(lake, ToyDecoder(version=2))
    with pytest.raises(VersionError, match="version 2 of their decoder and this givlake has"):
        build(lake, ToyDecoder(version=1))


def test_a_decoder_that_loses_a_row_is_stopped_before_anything_is_applied(lake: Lake) -> None:
    class Lossy(ToyDecoder):
        def decode(self, responses: Any) -> Decoded:
            decoded = super().decode(responses)
            return Decoded(
                {"readings": decoded.tables["readings"].slice(1)}, rows_in=decoded.rows_in
            )

    (number,) = lake.archive.append([answer("A", DAY, day_rows(DAY))])
    with pytest.raises(AccountingError, match=f"got 4 rows in response {number} .* returned 3"):
        build(lake, Lossy())
    assert rows_of(lake.folder) == []
    assert build(lake, ToyDecoder()).rows("new") == 4


def test_rows_that_do_not_fit_the_schema_are_refused_with_the_table_named(lake: Lake) -> None:
    class Odd(ToyDecoder):
        def decode(self, responses: Any) -> Decoded:
            decoded = super().decode(responses)
            rows = decoded.tables["readings"].drop_columns("power_w")
            return Decoded({"readings": rows}, rows_in=decoded.rows_in)

    lake.archive.append([answer("A", DAY, day_rows(DAY))])
    with pytest.raises(StoreError, match="do not fit the schema of table readings"):
        build(lake, Odd())


def test_drift_is_counted_over_builds(lake: Lake) -> None:
    for hour in (0, 1):
        body = [{**row, "s": "ODD"} for row in rows_at(DAY, [(hour, 1.0)])]
        lake.archive.append([answer("A", DAY, body)])
        assert build(lake, ToyDecoder()).drift[0].value == "ODD"
    (found,) = rows_of(lake.folder, "index/drift")
    assert (found["kind"], found["value"], found["count"]) == ("unknown_code", "ODD", 2)


@pytest.mark.slow_but_first
@pytest.mark.parametrize(
    "gone",
    ["index", "tables", "index/superseded", "index/quarantine", "index/manifests", "staging",
     "index/row_accounting", "index/manifests/build-readings.json", "warehouse.duckdb"],
)  # fmt: skip
def test_anything_derived_can_be_deleted(lake: Lake, gone: str) -> None:
    decoder = ToyDecoder()
    for power in (100.0, 200.0, -2.0):
        lake.archive.append([answer("A", DAY, day_rows(DAY, power=power))])
        build(lake, decoder)
    publish(lake, decoder.tables)
    before = content_of(lake.folder)
    target = lake.folder / gone
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    with Lake(lake.folder) as again:
        build(again, decoder)
        publish(again, decoder.tables)
        assert content_of(again.folder) == before
        assert_accounted(again, decoder)


@pytest.mark.slow
def test_a_fleet_is_laid_out_in_buckets_that_stay(lake: Lake) -> None:
    decoder = ToyDecoder()
    names = [f"M{number:03d}" for number in range(150)]
    lake.archive.append([answer(names[0], DAY, day_rows(DAY, 24))])
    lake.expect(
        pa.table(
            {
                "dataset": ["readings"] * 150,
                "device_id": names,
                "first_date": [DAY] * 150,
                "last_date": [None] * 150,
                "zone": [None] * 150,
                "last_contact_at": [None] * 150,
            }
        ).cast(lake.expected().schema)
    )
    build(lake, decoder)
    for name in names[1:]:
        lake.archive.append([answer(name, DAY, day_rows(DAY, 24))])
    build(lake, decoder, limits=SMALL)
    files = sorted(path.name for path in (lake.folder / "tables").rglob("part-*"))
    assert files == [
        f"part-{bucket}-of-4.parquet" for bucket in range(4)
    ]  # 150 x 24 x 31 rows a month
    assert len(rows_of(lake.folder)) == 150 * 24
    before = content_of(lake.folder)
    rebuild(lake, decoder)
    assert content_of(lake.folder) == before


def test_few_devices_are_distinguished_by_their_buckets() -> None:
    """Two of three inverters fell into one bucket: its file needed twice the memory."""
    names = ["AB1234C001", "AB1234C002", "AB1234C003"]
    time = pa.array([DAY] * 800, pa.date32()).cast(pa.timestamp("us", tz="UTC"))
    rows = pa.table({"meter": [names[0]] * 800, "time": time})
    table = spec()
    files = PartitionLayout([], names).month_files(table, f"{DAY:%Y-%m}", rows)
    assert files.slices == 1
    assert len({bucket_of(name, files.buckets) for name in names}) == 3
    # 800 rows a day of one device would be 24,800 a month: one file.
    assert PartitionLayout([], names[:1]).month_files(table, f"{DAY:%Y-%m}", rows) == (1, 1)


@pytest.mark.slow
def test_a_month_of_a_device_that_is_too_much_for_a_file_is_divided_by_days(lake: Lake) -> None:
    """A charger's month of readings by the minute took half a gigabyte to build."""
    decoder = ToyDecoder()
    for number in range(30):
        day = DAY + timedelta(days=number)
        lake.archive.append([answer("A", day, day_rows(day, 5_000 if number == 0 else 24))])
        if number % 15 == 0:
            build(lake, decoder)
    build(lake, decoder)
    files = {
        path.name: pq.read_table(path, partitioning=None).to_pylist()
        for path in (lake.folder / "tables").rglob("part-*")
    }
    # 5,000 x 31 rows are four times what a file should hold.
    assert sorted(files) == [f"part-0-of-1-days-{part}-of-4.parquet" for part in range(4)]
    days = [{row["time"].day for row in rows} for _, rows in sorted(files.items())]
    assert [(min(of_file), max(of_file)) for of_file in days] == [
        (1, 8),
        (9, 16),
        (17, 24),
        (25, 30),
    ]
    before = content_of(lake.folder)
    assert len(rows_of(lake.folder)) == 5_000 + 29 * 24
    rebuild(lake, decoder)
    assert content_of(lake.folder) == before


def test_a_table_without_time_is_one_file(lake: Lake) -> None:
    flat = TableSpec("readings", SCHEMA, ("meter", "time"), None, None, 1, "One row.")
    lake.archive.append([answer("A", DAY, day_rows(DAY)), failure("A", DAY, 503)])
    build(lake, ToyDecoder(tables=(flat,)))
    names = {path.name for path in (lake.folder / "tables/readings").iterdir()}
    assert names == {"_schema.parquet", "part-0-of-1.parquet"}


def test_up_to_stops_at_a_segment(lake: Lake) -> None:
    for hour in range(3):
        lake.archive.append([answer("A", DAY, rows_at(DAY, [(hour, 1.0)]))])
        lake.archive.flush()
    assert build(lake, ToyDecoder(), up_to=2).rows("new") == 2
    assert build(lake, ToyDecoder()).watermark == 3
    assert pc.sum(pa.array([row["power_w"] for row in rows_of(lake.folder)])).as_py() == 3.0


def test_a_rebuild_leaves_files_alone_that_would_not_change(lake: Lake) -> None:
    lake.archive.append([answer("A", DAY, day_rows(DAY))])
    build(lake, ToyDecoder())
    (path,) = (lake.folder / "tables").rglob("part-*")
    inode = path.stat().st_ino
    rebuild(lake, ToyDecoder())
    assert path.stat().st_ino == inode
    assert build(lake, ToyDecoder()).damage == []


@pytest.mark.slow
def test_a_poll_leaves_accounting_and_indexes_of_many_responses_alone(
    lake: Lake,
) -> None:
    many = [answer("A", DAY, []) for _ in range(4_100)]
    for entry in many:
        lake.archive.append([entry])
    for hour in range(3):
        build(lake, ToyDecoder())
        refresh_coverage(lake, [])
        lake.archive.append([answer("A", DAY, rows_at(DAY, [(hour, 1.0)]))])
        lake.archive.flush()
    build(lake, ToyDecoder())
    refresh_coverage(lake, [])
    for store in ("index/requests", "index/row_accounting/readings"):
        parts = sorted((lake.folder / store).glob("part-*"))
        assert [pq.read_metadata(part).num_rows for part in parts] == [4_100, 3]
    (fact,) = rows_of(lake.folder, "index/coverage")
    assert fact["request_count"] == 4_103
    assert build(lake, ToyDecoder()).damage == []
