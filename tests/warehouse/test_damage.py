"""Damage: each is found, named in one sentence, and mended where the archive allows."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.support.table_content import content_of, rows_of
from tests.support.toy_decoder import ToyDecoder, answer, coverage, day_rows
from tests.support.unprivileged import run_apart
from warehouse.archive import compact
from warehouse.catalogue import publish
from warehouse.connection import connect, execute
from warehouse.coverage import CoverageRule
from warehouse.errors import DamagedError, StoreError, VersionError
from warehouse.index.watermarks import pending_responses
from warehouse.lake import Lake
from warehouse.storage.filesystems import filesystem_type, parse_mounts
from warehouse.table_repair import repair_tables
from warehouse.tables.build import build, build_pending, rebuild
from warehouse.verification.integrity import check

DAY = date(2025, 6, 1)
RULES = [CoverageRule("readings", 0)]
TABLE = "tables/readings/month=2025-06/part-0-of-1.parquet"


@pytest.fixture
def filled(lake: Lake) -> Lake:
    """Three segments of one device-day each, built."""
    for back in range(3):
        day = DAY + timedelta(days=back)
        lake.archive.append([answer("A", day, day_rows(day, 20))])
        lake.archive.flush()
    build(lake, ToyDecoder())
    publish(lake, ToyDecoder().tables)
    return lake


def states(lake: Lake) -> list[str]:
    expected = lake.expected().schema.empty_table().to_pydict()
    expected |= {"dataset": ["readings"], "device_id": ["A"], "first_date": [DAY]}
    expected |= {"last_date": [None], "zone": [None], "last_contact_at": [None]}
    import pyarrow as pa

    table = pa.table(expected, schema=lake.expected().schema)
    found = coverage(lake, RULES, table, DAY, DAY + timedelta(days=2))
    return [str(state) for state in found["state"].to_pylist()]


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_a_byte(path: Path) -> None:
    """Flip a byte in the body's page, keeping size and times."""
    stat = path.stat()
    content = bytearray(path.read_bytes())
    group = pq.ParquetFile(path).metadata.row_group(0)
    column = next(
        column
        for column in map(group.column, range(group.num_columns))
        if column.path_in_schema == "body"
    )
    content[column.data_page_offset + column.total_compressed_size - 20] ^= 0x10
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.slow_but_first
@pytest.mark.parametrize("harm", [cut_short, empty, flip_a_byte])
def test_a_damaged_segment_is_set_aside_and_its_day_is_due_again(
    filled: Lake, harm: Callable[[Path], None]
) -> None:
    assert states(filled) == ["complete"] * 3
    harm(filled.archive.segments / "000000000002.parquet")
    report = rebuild(filled, ToyDecoder())
    (sentence,) = report.damage
    assert sentence.startswith("archive file 000000000002.parquet is damaged (")
    assert sentence.endswith(
        "the next sync fetches the lost responses again (0 of its responses kept)"
    )
    assert len(list(filled.archive.damaged.iterdir())) == 1
    assert report.rows() == 40
    assert states(filled) == ["complete", "not_requested", "complete"]
    assert build(filled, ToyDecoder()).damage == []
    assert check(filled) == []


def test_check_finds_a_flipped_byte_in_archive_and_tables_and_mends_on_demand(filled: Lake) -> None:
    before = content_of(filled.folder)
    flip_a_byte(filled.archive.segments / "000000000001.parquet")
    table = filled.folder / TABLE
    stat = table.stat()
    table.write_bytes(table.read_bytes()[:-200] + b"\0" + table.read_bytes()[-199:])
    os.utime(table, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    found = check(filled)
    assert [finding.repaired for finding in found] == [False, False]
    assert re.match(r"archive file 000000000001.parquet is damaged \(", found[0].message)
    assert found[1].message == f"{TABLE} differs from its manifest (60 rows)"
    assert all(finding.repaired for finding in check(filled, repair=True))
    assert check(filled) == []
    filled.archive.append([answer("A", DAY, day_rows(DAY, 20))])  # what the next sync would do
    build(filled, ToyDecoder())
    assert [r["power_w"] for r in rows_of(filled.folder)]
    assert len(rows_of(filled.folder)) == 60
    assert len(before) == 3


@pytest.mark.slow_but_first
@pytest.mark.parametrize("harm", [cut_short, empty, Path.unlink])
def test_a_damaged_pack_loses_nothing_that_can_still_be_read(
    filled: Lake, harm: Callable[[Path], None]
) -> None:
    compact(filled.archive)
    filled.archive.append([answer("B", DAY, day_rows(DAY))])
    filled.archive.flush()
    (path,) = filled.archive.packs.iterdir()
    harm(path)
    # Rows that were built stay in the tables, and new ones are added to them.
    report = build(filled, ToyDecoder())
    assert report.rows("new") == 4
    assert len(rows_of(filled.folder)) == 64
    assert states(filled) == ["not_requested"] * 3


def edit(path: Path) -> None:
    pq.write_table(pq.read_table(path, partitioning=None).slice(3), path)


@pytest.mark.slow_but_first
@pytest.mark.parametrize("harm", [cut_short, empty, edit, Path.unlink])
@pytest.mark.parametrize("name", [TABLE, "index/row_accounting/readings/part-000001.parquet"])
def test_a_table_or_accounting_file_that_was_changed_is_rebuilt(
    filled: Lake, harm: Callable[[Path], None], name: str
) -> None:
    before = content_of(filled.folder)
    harm(filled.folder / name)
    report = build(filled, ToyDecoder())
    what = "is missing" if harm is Path.unlink else r"differs from its manifest \(\d+ rows\)"
    (sentence,) = report.damage
    assert re.fullmatch(
        f"{name} {what}: the tables of readings are rebuilt from the archive", sentence
    )
    assert content_of(filled.folder) == before
    assert build(filled, ToyDecoder()).damage == []


@pytest.mark.slow_but_first
@pytest.mark.parametrize("store", ["requests", "coverage"])
@pytest.mark.parametrize("harm", [cut_short, empty, Path.unlink])
def test_a_damaged_index_is_made_again(
    filled: Lake, harm: Callable[[Path], None], store: str
) -> None:
    assert states(filled) == ["complete"] * 3
    (path,) = (filled.folder / "index" / store).glob("[!_]*.parquet")
    harm(path)
    assert states(filled) == ["complete"] * 3


def test_a_moved_folder_gets_a_new_catalogue_and_a_copied_one_is_not_rebuilt(
    filled: Lake, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(filled.folder, copy, copy_function=shutil.copyfile)
    shutil.rmtree(filled.folder / "tables")
    with Lake(copy) as lake:
        report = build(lake, ToyDecoder())
        assert (report.rebuilt_because, report.damage) == (None, [])
        assert publish(lake, ToyDecoder().tables)
        with connect(lake) as connection:
            assert connection.execute("SELECT count(*) FROM readings").fetchone() == (60,)


def test_a_newer_layout_is_refused(folder: Path) -> None:
    Lake(folder).close()
    (folder / "store.json").write_text('{"layout_version": 99}')
    with pytest.raises(VersionError, match="has layout 99, written by a newer givlake, and this"):
        Lake(folder)
    (folder / "store.json").write_text("?")
    with pytest.raises(StoreError, match="does not say which layout the stores have"):
        Lake(folder)


@pytest.mark.processes
def test_temporaries_of_dead_processes_are_swept_and_those_of_living_ones_are_not(
    folder: Path,
) -> None:
    code = (
        "import os, sys\nfrom warehouse.lake import Lake\n"
        "lake = Lake(sys.argv[1])\n"
        "(lake.scratch / 'left').write_bytes(b'half a segment')\n"
        "print(lake.scratch, flush=True)\n"
        "os._exit(9)\n"
    )
    with Lake(folder) as living:
        (living.scratch / "mine").touch()
        command = [sys.executable, "-c", code, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        dead = Path(done.stdout.strip())
        assert (dead / "left").exists()
        with Lake(folder):
            assert not dead.exists()
            assert (living.scratch / "mine").exists()
    assert list((folder / "tmp").iterdir()) == []


def test_the_folder_is_its_owners_only(folder: Path) -> None:
    with Lake(folder) as lake:
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(0o755)
        # A matter for `doctor`: nothing is damaged.
        assert check(lake) == []
    with Lake(folder):
        assert folder.stat().st_mode & 0o777 == 0o755  # widened by its owner: left so


@pytest.mark.processes
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    target = tmp_path / "locked" / "data"
    target.parent.mkdir(mode=0o500)
    said = run_apart(
        "become_nobody()\n"
        f"try:\n    Lake({str(target)!r})\n"
        "except StoreError as error:\n    print(error)"
    )
    assert "permission is denied: " in said or said == ""


@pytest.mark.processes
def test_a_full_disk_loses_nothing(folder: Path) -> None:
    """The largest allowed file size stands for the disk's end: it fails writes just as hard."""
    said = run_apart(
        "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"lake = Lake({str(folder)!r})\n"
        "lake.archive.append([answer('A', day, day_rows(day, 2000))])\n"
        "soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "for step in (lake.archive.flush, lambda: build(lake, ToyDecoder()),\n"
        "             lambda: publish(lake, ToyDecoder().tables)):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))\n"
        "    try:\n        step()\n"
        "    except StoreError as error:\n        print(error)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))\n"
        "    step()\n"
        "print(len(lake.archive.files()))\n"
        "lake.close()\n"
    )
    *sentences, files = said.splitlines()
    assert files == "1"
    assert len(sentences) == 3
    for sentence in sentences:
        assert re.search(r" failed because .*, then run again; no stored data is lost$", sentence)
    assert len(rows_of(folder)) == 2000
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


@pytest.mark.slow
@pytest.mark.processes
def test_a_full_disk_is_named_when_the_catalogue_is_made(folder: Path) -> None:
    said = run_apart(
        "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"lake = Lake({str(folder)!r})\n"
        "publish(lake, ToyDecoder().tables)\n"
        "catalogue = lake.folder / 'warehouse.duckdb'\n"
        "catalogue.unlink()\n"
        "soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))\n"
        "try:\n    publish(lake, ToyDecoder().tables)\n"
        "except StoreError as error:\n    print(error)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))\n"
        "print(catalogue.exists(), publish(lake, ToyDecoder().tables))\n"
        "lake.close()\n"
    )
    assert said.splitlines() == [
        f"Publishing the catalogue in {folder} failed because the largest allowed file size is "
        "reached: raise the limit, then run again; no stored data is lost",
        "False True",
    ]


def test_network_file_systems_are_known_by_their_mounts() -> None:
    linux = (
        "/dev/sda1 / ext4 rw 0 0\nnas:/x /mnt/my\\040nas nfs4 rw 0 0\nsrv /w fuse.sshfs rw 0 0\n"
    )
    mac = "/dev/disk1s1 on / (apfs, local)\n//me@nas/x on /Volumes/x (smbfs, nodev, nosuid)\n"
    assert filesystem_type(Path("/mnt/my nas/givlake"), parse_mounts(linux)) == "nfs4"
    assert filesystem_type(Path("/w"), parse_mounts(linux)) == "fuse.sshfs"
    assert filesystem_type(Path("/home/data"), parse_mounts(linux)) == "ext4"
    assert filesystem_type(Path("/Volumes/x/data"), parse_mounts(mac)) == "smbfs"


def test_a_network_file_system_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.lake.network_type", lambda _: "nfs4")
    with pytest.raises(StoreError, match=r"is on a network file system \(nfs4\), whose locks do"):
        Lake(folder)


def test_a_file_system_that_is_not_known_and_ignores_locks_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcntl.flock", lambda *_: None)
    with pytest.raises(StoreError, match="is on a file system without working file locks: choose"):
        Lake(folder)
    assert list((folder / "tmp").iterdir()) == []


@pytest.mark.parametrize("damage", [cut_short, Path.unlink], ids=["cut_short", "unlink"])
def test_tables_are_repaired_unless_another_process_is_at_work(
    lake: Lake, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    lake.archive.append([answer("A", DAY, day_rows(DAY, 6))])
    build(lake, ToyDecoder())
    before = content_of(lake.folder)
    assert repair_tables(lake, [ToyDecoder()]) == []
    damage(next((lake.folder / "tables").rglob("part-*.parquet")))
    with lake.file_set("build-readings").lock():
        assert repair_tables(lake, [ToyDecoder()]) == []
    (sentence,) = repair_tables(lake, [ToyDecoder()])
    assert sentence.endswith("the tables of readings are rebuilt from the archive")
    assert caplog.messages == [sentence]
    assert content_of(lake.folder) == before


def test_a_catalogue_that_is_none_is_made_again_and_others_are_named(lake: Lake) -> None:
    publish(lake, ToyDecoder().tables)
    path = lake.folder / "warehouse.duckdb"
    whole = path.read_bytes()
    path.write_bytes(b"no database")
    assert publish(lake, ToyDecoder().tables)
    path.write_bytes(whole[:20_000] + b"x" + whole[20_001:])
    assert not publish(lake, ToyDecoder().tables)
    assert [f.repaired for f in check(lake)] == [False]
    assert [f.repaired for f in check(lake, repair=True)] == [True]
    assert publish(lake, ToyDecoder().tables)
    assert check(lake) == []


def test_damaged_expectations_are_emptied(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    publish(lake, ToyDecoder().tables)
    cut_short(lake.folder / "expected_days.parquet")
    publish(lake, ToyDecoder().tables)
    assert lake.expected().num_rows == 0
    assert "is damaged and was emptied; it is restored from the device lists" in caplog.text


def test_archive_files_that_are_missing_at_the_end_are_reported(
    lake: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    for at in range(2):
        lake.archive.append([answer("A", DAY + timedelta(days=at), day_rows(DAY, 2))])
        lake.archive.flush()
    states(lake)
    (lake.folder / "archive/last_segment").write_text("")
    max((lake.folder / "archive/segments").iterdir()).unlink()
    assert states(lake)[1] == "not_requested"
    assert "the archive ends at segment 1 instead of 2: restore the missing" in caplog.text


@pytest.mark.slow
def test_a_segment_that_is_missing_in_the_middle_is_named_and_its_day_is_due(
    filled: Lake, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    assert states(filled) == ["complete"] * 3
    content = content_of(filled.folder)
    segment = filled.archive.segments / "000000000002.parquet"
    segment.rename(tmp_path / "kept")
    assert states(filled) == ["complete", "not_requested", "complete"]
    assert caplog.messages == [
        "archive segment 2 is missing (1 responses and failures): restore the missing archive "
        "files from a copy, or the next sync fetches their days again"
    ]
    assert states(filled) == ["complete", "not_requested", "complete"]
    assert len(caplog.messages) == 1
    (found,) = check(filled)
    assert not found.repaired
    assert found.message.startswith("archive segment 2 is missing: restore the files from")
    compact(filled.archive)  # what is missing stays open
    assert [(file.first, file.last) for file in filled.archive.files()] == [(1, 1), (3, 3)]
    report = rebuild(filled, ToyDecoder())
    assert report.rows() == 40
    assert report.damage[0].startswith("archive segment 2 is missing: the tables of readings are")
    (tmp_path / "kept").rename(segment)
    assert states(filled) == ["complete", "not_built", "complete"]
    assert pending_responses(filled, ["readings"]) == {"readings": {"A": 1}}
    ((report,), errors) = build_pending(filled, [ToyDecoder()])
    assert errors == {}
    assert report.rebuilt_because is not None
    assert "segment 2 is restored" in report.rebuilt_because
    assert states(filled) == ["complete"] * 3
    assert content_of(filled.folder) == content
    assert check(filled) == []


def test_what_is_missing_is_not_reported_once_it_was_accepted(
    filled: Lake, caplog: pytest.LogCaptureFixture
) -> None:
    (filled.archive.segments / "000000000001.parquet").unlink()
    states(filled)
    assert [finding.repaired for finding in check(filled, repair=True)] == [True]
    assert check(filled) == []
    caplog.clear()
    (filled.folder / "index/manifests/requests.json").unlink()
    assert states(filled) == ["not_requested", "complete", "complete"]
    assert caplog.messages == []
    (filled.archive.segments / "000000000002.parquet").unlink()
    (filled.folder / "index/manifests/requests.json").unlink()
    assert states(filled) == ["not_requested", "not_requested", "complete"]
    assert [message[:28] for message in caplog.messages] == ["archive segment 2 is missing"]


def test_a_number_that_a_dead_process_had_not_noted_is_not_given_twice(filled: Lake) -> None:
    (filled.folder / "archive/last_segment").write_bytes(b"%020d\n" % 2)
    filled.archive.append([answer("B", DAY, day_rows(DAY))])
    filled.archive.flush()
    assert [file.first for file in filled.archive.files()] == [1, 2, 3, 4]
    (filled.folder / "archive/last_segment").write_bytes(b"%020d\n" % 2)
    compact(filled.archive)
    filled.archive.append([answer("B", DAY, day_rows(DAY))])
    filled.archive.flush()
    assert [(file.first, file.last) for file in filled.archive.files()] == [(1, 4), (5, 5)]
    assert check(filled) == []


def test_a_flush_that_fails_leaves_no_gap(filled: Lake) -> None:
    filled.archive.append([answer("B", DAY, day_rows(DAY))])
    filled.archive.segments.rename(filled.archive.segments.with_name("away"))
    with pytest.raises(FileNotFoundError):
        filled.archive.flush()
    filled.archive.segments.with_name("away").rename(filled.archive.segments)
    filled.archive.flush()
    assert [file.first for file in filled.archive.files()] == [1, 2, 3, 4]


@pytest.mark.slow_but_first
@pytest.mark.parametrize("store", ["requests", "coverage"])
@pytest.mark.parametrize("harm", [cut_short, Path.unlink], ids=["cut_short", "unlink"])
def test_views_over_damaged_indexes_work_once_the_folder_was_repaired(
    filled: Lake, harm: Callable[[Path], None], store: str
) -> None:
    states(filled)
    (path,) = (filled.folder / "index" / store).glob("[!_]*.parquet")
    harm(path)
    (sentence,) = repair_tables(filled, [ToyDecoder()])
    assert sentence.startswith(f"index/{store}/")
    assert repair_tables(filled, [ToyDecoder()]) == []
    with connect(filled) as connection:
        assert connection.execute(f"SELECT count(*) FROM {store}").fetchone() == (3,)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.99])
def test_flipped_bytes_in_coverage_that_nothing_shows_give_no_wrong_state(
    filled: Lake, place: float, caplog: pytest.LogCaptureFixture
) -> None:
    assert states(filled) == ["complete"] * 3
    (path,) = (filled.folder / "index/coverage").glob("[!_]*.parquet")
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 0xFF
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert states(filled) == ["complete"] * 3
    assert all("month=2025-06.parquet is damaged (" in message for message in caplog.messages)


def test_a_query_over_a_damaged_file_says_what_to_do(filled: Lake) -> None:
    cut_short(filled.folder / TABLE)
    with connect(filled) as connection, pytest.raises(DamagedError) as raised:
        execute(connection, "SELECT sum(power_w) FROM readings")
    assert str(raised.value).startswith("DuckDB cannot read a stored file (")
    assert str(raised.value).endswith("): run givlake check --repair")
