"""Tampering: what was changed, what `verify` says of it, and that a rebuild mends it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.support.table_content import content_of
from tests.support.toy_decoder import ToyDecoder, answer, day_rows
from warehouse.catalogue import publish
from warehouse.lake import Lake
from warehouse.storage.atomic_files import sha256_of
from warehouse.tables.build import build, rebuild
from warehouse.tables.partition_files import write
from warehouse.verification.integrity import check
from warehouse.verification.manifest import make_manifest
from warehouse.verification.verify import verify

DAY = date(2025, 6, 29)
DECODER = ToyDecoder()
JUNE = "tables/readings/month=2025-06/part-0-of-1.parquet"
JULY = "tables/readings/month=2025-07/part-0-of-1.parquet"
ACCOUNTS = "index/row_accounting/readings/part-000001.parquet"


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """Two meters over the end of a month, built bit by bit, with a change, a repeat, a bad row."""
    for at in range(4):
        day = DAY + timedelta(days=at)
        for meter in ("A", "B"):
            lake.archive.append([answer(meter, day, day_rows(day))])
        lake.archive.flush()
    build(lake, DECODER)
    late = [*day_rows(DAY, 4, 500.0), {"t": "2025-06-29T03:00:00+00:00", "p": -1, "s": "ok"}]
    lake.archive.append([answer("A", DAY, late)])
    build(lake, DECODER)
    return lake


def said(lake: Lake) -> list[str]:
    return [finding.message for finding in verify(lake, DECODER).findings]


def commit(lake: Lake, name: str) -> None:
    """Make the unit's manifest say of a file what it is now, as a careful forger would."""
    path = lake.folder / "index/manifests/build-readings.json"
    manifest = json.loads(path.read_bytes())
    stat = (lake.folder / name).stat()
    rows = pq.read_metadata(lake.folder / name).num_rows
    manifest["files"][name] = [rows, stat.st_size, stat.st_mtime_ns, sha256_of(lake.folder / name)]
    path.write_text(json.dumps(manifest))


def forge(lake: Lake, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    path = lake.folder / name
    rows = change(pq.read_table(path, partitioning=None))
    if name == ACCOUNTS:
        pq.write_table(rows, path)
    else:
        write(path, DECODER.tables[0], rows)
    commit(lake, name)


def with_column(name: str, value: object) -> Callable[[pa.Table], pa.Table]:
    """Change a column's first value."""

    def change(rows: pa.Table) -> pa.Table:
        at = rows.schema.get_field_index(name)
        values = [value, *rows[name].to_pylist()[1:]]
        return rows.set_column(
            at, rows.schema.field(at), pa.array(values, rows.schema.field(at).type)
        )

    return change


def test_what_the_archive_yields_is_proven_and_nothing_is_changed(filled: Lake) -> None:
    before = {path: path.stat().st_mtime_ns for path in filled.folder.rglob("*.parquet")}
    done = verify(filled, DECODER)
    assert (done.findings, done.rows, done.responses) == ([], 32, 9)
    filled.archive.append([answer("B", DAY, day_rows(DAY, 8))])
    # Archived and not built yet is a finding of its own, and no difference.
    assert said(filled) == ["1 archived response of readings is not in its tables yet"]
    kept = {path: path.stat().st_mtime_ns for path in before}
    assert kept == before
    assert list(filled.scratch.glob("second-*")) == []


FORGED = {
    "a value": (
        JUNE,
        with_column("power_w", 12345.0),
        "table readings, 2025-06: 1 row with other values than in the archive (the first: "
        "meter A, time 2025-06-29 00:00:00+00:00)",
    ),
    "a value made null": (
        JULY,
        with_column("power_w", None),
        "table readings, 2025-07: 1 row with other values than in the archive (the first: "
        "meter A, time 2025-07-01 00:00:00+00:00)",
    ),
    "rows removed": (
        JUNE,
        lambda rows: rows.slice(3),
        "table readings, 2025-06: 3 rows missing (the first: meter A, time 2025-06-29 "
        "00:00:00+00:00)",
    ),
    "rows repeated": (
        JULY,
        lambda rows: pa.concat_tables([rows, rows.slice(0, 2)]),
        "table readings, 2025-07: 2 rows with a repeated key (the first: meter A, "
        "time 2025-07-01 00:00:00+00:00)",
    ),
    "a row of another meter": (
        JULY,
        with_column("meter", "Z"),
        "table readings, 2025-07: 1 row missing, 1 row not in the archive "
        "(the first: meter A, time 2025-07-01 00:00:00+00:00)",
    ),
    "the accounts": (
        ACCOUNTS,
        with_column("rows_in", 9),
        "row accounting of readings: responses whose rows do not add up: 1",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", FORGED)
def test_a_file_edited_by_hand_is_found_though_its_manifest_was_made_to_match(
    filled: Lake, what: str
) -> None:
    before = content_of(filled.folder)
    name, change, sentence = FORGED[what]
    forge(filled, name, change)
    assert check(filled) == []
    assert said(filled)[0] == sentence
    rebuild(filled, DECODER)
    assert said(filled) == []
    assert content_of(filled.folder) == before


def test_a_file_that_was_added_to_a_table_is_found(filled: Lake) -> None:
    rows = pq.read_table(filled.folder / JUNE, partitioning=None).slice(0, 5)
    write(filled.folder / "tables/readings/month=2025-06/mine.parquet", DECODER.tables[0], rows)
    assert check(filled) == []
    sentences = said(filled)
    assert sentences == [
        "table readings, 2025-06: 5 rows with a repeated key (the first: meter A, "
        "time 2025-06-29 00:00:00+00:00)",
        "row accounting of readings: 32 new rows, but 37 in the tables",
    ]
    rebuild(filled, DECODER)
    assert said(filled) == []


@pytest.mark.slow
@pytest.mark.parametrize("how", ["flipped", "deleted"])
def test_a_table_file_that_is_damaged_or_deleted_is_named(filled: Lake, how: str) -> None:
    before, path = content_of(filled.folder), filled.folder / JUNE
    if how == "deleted":
        path.unlink()
        expected = "table readings, 2025-06: 16 rows missing"
    else:
        column = pq.read_metadata(path).row_group(0).column(2)
        raw = bytearray(path.read_bytes())
        raw[column.data_page_offset + column.total_compressed_size - 9] ^= 1
        path.write_bytes(bytes(raw))
        assert [found.message for found in check(filled)] == [
            f"{JUNE} differs from its manifest (16 rows)"
        ]
        expected = f"table readings, 2025-06: file {JUNE} cannot be read ("
    assert said(filled)[0].startswith(expected)
    rebuild(filled, DECODER)
    assert said(filled) == []
    assert content_of(filled.folder) == before


def _middle_of_the_bodies(path: Path) -> int:
    """Find a byte that stands for content: other bytes of a Parquet file may change nothing."""
    rows = pq.ParquetFile(path).metadata.row_group(0)
    columns = [rows.column(number) for number in range(rows.num_columns)]
    (bodies,) = (column for column in columns if column.path_in_schema == "body")
    start = bodies.dictionary_page_offset or bodies.data_page_offset
    return int(start + bodies.total_compressed_size // 2)


def test_a_flipped_byte_in_the_archive_stops_the_comparison_until_it_is_repaired(
    filled: Lake,
) -> None:
    path = filled.archive.files()[0].path
    raw = bytearray(path.read_bytes())
    raw[_middle_of_the_bodies(path)] ^= 1
    path.write_bytes(bytes(raw))
    assert said(filled) == [
        "the tables of readings cannot be compared with the archive while its file "
        f"{path.name} is damaged"
    ]
    assert path.read_bytes() == bytes(raw)  # looked at, not mended
    check(filled, repair=True)
    for meter in ("A", "B"):
        filled.archive.append([answer(meter, DAY, day_rows(DAY))])  # what the next sync would do
    rebuild(filled, DECODER)
    assert said(filled) == []
    assert verify(filled, DECODER).rows == 32


@pytest.mark.slow
def test_rows_whose_archive_file_was_deleted_are_not_to_be_rebuilt_away(filled: Lake) -> None:
    last = filled.archive.files()[3].path
    kept = last.read_bytes()
    last.unlink()
    sentences = said(filled)
    assert sentences[0].startswith(
        "table readings, 2025-07: 8 rows not in the archive (the first: meter A, "
        "time 2025-07-02 00:00:00+00:00); 8 of them are from responses that are no longer in the"
    )
    assert sentences[1].startswith(
        "row accounting of readings: responses that are no longer in the archive: 2"
    )
    last.write_bytes(kept)
    assert said(filled) == []


@pytest.mark.slow
def test_the_quarantine_and_superseded_versions_are_compared_as_well(filled: Lake) -> None:
    for folder in ("index/quarantine/readings", "index/superseded/readings"):
        (path,) = (filled.folder / folder).rglob("part-*.parquet")
        rows = pq.read_table(path, partitioning=None)
        pq.write_table(
            rows.filter(pc.less(pa.array(range(rows.num_rows)), rows.num_rows - 1)), path
        )
        commit(filled, str(path.relative_to(filled.folder)))
    stores = [sentence.split(":")[0] for sentence in said(filled)]
    assert stores == ["superseded versions of readings, 2025-06", "quarantine of readings, 2025-06"]
    rebuild(filled, DECODER)
    assert said(filled) == []


def hashes(lake: Lake) -> list[tuple[str, int, str]]:
    build(lake, DECODER)
    publish(lake, DECODER.tables)
    devices = make_manifest(lake, [DECODER])["tables"]["readings"]["devices"]
    return [(of["device"], of["rows"], of["sha256"]) for of in devices]


@pytest.mark.slow
def test_hashes_are_the_same_after_a_rebuild_and_on_another_machine(
    filled: Lake, tmp_path: Path
) -> None:
    """Another machine fetched the same data at other times, in another order, in one go."""
    before = hashes(filled)
    assert [(device, rows) for device, rows, _ in before] == [("A", 16), ("B", 16)]
    rebuild(filled, DECODER)
    assert hashes(filled) == before
    with Lake(tmp_path / "other") as other:
        for at in reversed(range(4)):
            day = DAY + timedelta(days=at)
            for meter, power in (("B", 100.0), ("A", 100.0 if at else 500.0)):
                entry = answer(
                    meter, day, day_rows(day, 4, power), fetched_at=datetime(2026, 2, 2, tzinfo=UTC)
                )
                other.archive.append([entry])
        assert hashes(other) == before
        other.archive.append([answer("B", DAY, day_rows(DAY, 1, 7.0))])
        changed = hashes(other)
    assert [one == other for one, other in zip(changed, before, strict=True)] == [True, False]


def test_the_hash_is_of_the_lines_that_the_docs_describe(lake: Lake) -> None:
    row = {"t": "2025-06-29T10:00:00.500000+00:00", "p": 1e-05, "s": '\u00dc\n"', "a": None}
    second = row | {"t": "2025-06-29T11:00:00+00:00", "p": 51, "s": None}
    second["a"] = [{"number": 1, "v": 0.1}]
    lake.archive.append([answer("A", DAY, [second, row])])
    lines = (
        '["A","2025-06-29 10:00:00.500000+00:00",1e-05,"\u00dc\\n\\"",null]\n'
        '["A","2025-06-29 11:00:00+00:00",51.0,null,[{"number":1,"v":0.1}]]\n'
    )
    assert hashes(lake) == [("A", 2, hashlib.sha256(lines.encode()).hexdigest())]
