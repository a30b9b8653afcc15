"""The catalogue: views that any client reads at any time, over files that only ever appear."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.toy_decoder import ToyDecoder, answer, day_rows, spec
from tests.support.unprivileged import run_apart
from warehouse.catalogue import publish
from warehouse.connection import connect
from warehouse.coverage import refresh_coverage
from warehouse.errors import StoreError, VersionError
from warehouse.interface.duckdb_types import column_types
from warehouse.interface.view_spec import ViewSpec
from warehouse.lake import Lake
from warehouse.read_only import ReadOnlyLake
from warehouse.standard_views import system_views, table_views
from warehouse.tables.build import build

DAY = date(2025, 6, 1)
VIEWS = {
    "readings", "readings_superseded", "coverage", "requests", "quarantine", "drift",
    "row_accounting", "pending_responses", "where_am_i", "expected_days", "findings",
    "device_roles_set", "tariffs", "tariff_prices", "tariff_standing_charges", "tariffs_in_force",
}  # fmt: skip


@pytest.fixture
def filled(lake: Lake) -> Lake:
    lake.archive.append([answer("A", DAY, day_rows(DAY))])
    build(lake, ToyDecoder())
    refresh_coverage(lake, [])
    publish(lake, ToyDecoder().tables)
    return lake


def test_every_view_answers_before_there_is_any_data(lake: Lake) -> None:
    publish(lake, ToyDecoder().tables)
    with connect(lake) as connection:
        names = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
        assert names == VIEWS
        for name in sorted(names):
            rows = int(name == "where_am_i")
            assert connection.execute(f'SELECT count(*) FROM "{name}"').fetchone() == (rows,)


def test_the_catalogue_is_made_only_when_something_changed(filled: Lake) -> None:
    path = filled.folder / "warehouse.duckdb"
    inode = path.stat().st_ino
    assert not publish(filled, ToyDecoder().tables)
    assert path.stat().st_ino == inode
    other = spec(name="other", description="Another's table.")
    assert publish(filled, [*ToyDecoder().tables, other])
    path.unlink()
    assert publish(filled, [*ToyDecoder().tables, other])


def test_titles_and_descriptions_are_comments(filled: Lake) -> None:
    with connect(filled, as_published=True) as connection:
        (view,) = connection.execute(
            "SELECT comment FROM duckdb_views() WHERE view_name = 'readings'"
        ).fetchall()
        columns = dict(
            connection.execute(
                "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'readings'"
            ).fetchall()
        )
    assert view == ("One row per meter and time. Source: the toy.",)
    assert columns["time"] == "Time: Of the reading"
    assert columns["meter"] == "Serial number of the meter"


@pytest.mark.slow
@pytest.mark.processes
def test_views_work_from_any_folder_and_in_any_time_zone(filled: Lake, tmp_path: Path) -> None:
    code = (
        "import duckdb, sys\n"
        "c = duckdb.connect(sys.argv[1], read_only=True)\n"
        "c.execute(\"SET TimeZone = 'America/New_York'\")\n"
        "print(c.execute('SELECT count(*), epoch(min(time))::BIGINT FROM readings').fetchall())\n"
    )
    command = [sys.executable, "-c", code, str(filled.folder / "warehouse.duckdb")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    start = int(datetime(2025, 6, 1, tzinfo=UTC).timestamp())
    assert done.stdout.strip() == f"[(4, {start})]"


@pytest.mark.slow_but_first
@pytest.mark.parametrize("name", ["it's", "a[b]*", "with space", "ümlaut"])
def test_the_data_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    with Lake(tmp_path / name) as lake:
        lake.archive.append([answer("A", DAY, day_rows(DAY))])
        build(lake, ToyDecoder())
        publish(lake, ToyDecoder().tables)
        with connect(lake) as connection:
            assert connection.execute("SELECT count(*) FROM readings").fetchone() == (4,)


@pytest.mark.slow
@pytest.mark.processes
def test_a_client_that_holds_the_catalogue_for_writing_stops_nobody(filled: Lake) -> None:
    """As the duckdb command line does when it is left open in its default mode."""
    code = (
        "import duckdb, sys\n"
        "c = duckdb.connect(sys.argv[1])\n"
        "c.execute('CREATE TABLE mine (x INT)')\n"
        "print('open', flush=True)\n"
        "sys.stdin.readline()\n"
        "print(c.execute('SELECT count(*) FROM readings').fetchone(), flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(filled.folder / "warehouse.duckdb")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        assert client.stdout.readline() == "open\n"
        filled.archive.append([answer("B", DAY, day_rows(DAY))])
        build(filled, ToyDecoder())
        with connect(filled) as connection:
            assert connection.execute("SELECT count(*) FROM readings").fetchone() == (8,)
        assert publish(filled, [*ToyDecoder().tables, spec(name="other")])
        client.stdin.write("\n")
        client.stdin.flush()
        assert client.stdout.readline() == "(8,)\n"
    with connect(filled) as connection:
        assert connection.execute("SELECT count(*) FROM other").fetchone() == (0,)


def test_pandas_arrow_and_duckdb_read_the_files_without_givlake(filled: Lake) -> None:
    folder = filled.folder / "tables" / "readings"
    frame = pd.read_parquet(folder)
    assert len(frame) == 4
    assert str(frame["time"].dtype) == "datetime64[us, UTC]"
    assert pq.read_table(folder / "month=2025-06" / "part-0-of-1.parquet").num_rows == 4
    found = duckdb.execute(f"SELECT sum(power_w) FROM '{folder}/*/*.parquet'").fetchone()
    assert found == (100.0 + 101 + 102 + 103,)


def test_files_carry_their_schema_version_and_description(filled: Lake) -> None:
    schema = pq.read_schema(filled.folder / "tables/readings/month=2025-06/part-0-of-1.parquet")
    metadata = {key.decode(): value.decode() for key, value in schema.metadata.items()}
    assert metadata["givlake.table"] == "readings"
    assert metadata["givlake.decoder_version"] == "1"
    assert metadata["givlake.key"] == "meter,time"
    assert schema.field("time").metadata[b"title"] == b"Time"


def test_without_a_catalogue_the_sentence_says_what_to_do(lake: Lake) -> None:
    with (
        pytest.raises(StoreError, match=r"there is no catalogue in .* yet: run `givlake build`"),
        connect(lake),
    ):
        pass


def _own_catalogue(folder: Path) -> Path:
    (file,) = (folder / "index" / "catalogue").iterdir()
    return file


def _opens(folder: Path) -> set[Path]:
    """Return the files below a folder that this process has open."""
    links = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return {path.relative_to(folder) for path in links if path.is_relative_to(folder)}


def test_givlake_queries_a_catalogue_of_its_own_and_leaves_the_published_one_free(filled: Lake):
    own = _own_catalogue(filled.folder).relative_to(filled.folder)
    with connect(filled) as connection:
        assert connection.execute("SELECT count(*) FROM readings").fetchone() == (4,)
        assert own in _opens(filled.folder)
    assert Path("warehouse.duckdb") not in _opens(filled.folder)
    with connect(filled, as_published=True):
        assert Path("warehouse.duckdb") in _opens(filled.folder)
    filled.close()
    assert not {own, Path("warehouse.duckdb")} & _opens(filled.folder)


def test_a_catalogue_that_is_published_anew_is_opened_by_the_next_query(filled: Lake):
    counted = "SELECT count(*) FROM duckdb_views() WHERE view_name = 'all_readings'"
    with connect(filled) as before:
        publish(filled, ToyDecoder().tables, [MACRO, OVER_IT])
        assert before.execute("SELECT count(*) FROM readings").fetchone() == (4,)
    with connect(filled) as connection:
        assert connection.execute(counted).fetchone() == (1,)


@pytest.mark.parametrize("damage", [b"", b"no database", "torn", None])
def test_without_its_own_catalogue_givlake_queries_the_published_one(filled: Lake, damage):
    own = _own_catalogue(filled.folder)
    if damage == "torn":
        damage = own.read_bytes()[:5000]
    own.unlink()
    if damage is not None:
        own.write_bytes(damage)
    with connect(filled) as connection:
        assert connection.execute("SELECT count(*) FROM readings").fetchone() == (4,)
    assert publish(filled, ToyDecoder().tables)
    with connect(filled):
        assert own.relative_to(filled.folder) in _opens(filled.folder)


def test_the_own_catalogue_of_a_copied_folder_never_reads_the_original(filled: Lake, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(filled.folder, copy)
    with Lake(copy) as lake:
        with (
            connect(lake) as connection,
            pytest.raises(duckdb.InvalidInputException, match="was written for"),
        ):
            connection.execute("SELECT count(*) FROM readings").fetchone()
        publish(lake, ToyDecoder().tables)
        shutil.rmtree(filled.folder / "tables")
        with connect(lake) as connection:
            assert connection.execute("SELECT count(*) FROM readings").fetchone() == (4,)
        assert _own_catalogue(copy).name != _own_catalogue(filled.folder).name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("what?", "a question mark"),
        ("back\\slash", "a backslash"),
        ("caf\udce9", "characters that are not UTF-8"),
    ],
)
def test_a_folder_that_duckdb_cannot_name_is_refused(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(StoreError, match=f"has {words} in its name"):
        Lake(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_is_read_where_it_lies_and_stays_as_it_is(filled: Lake, tmp_path: Path) -> None:
    copy = tmp_path / "it's a [copy]"
    shutil.copytree(filled.folder, copy)
    shutil.rmtree(filled.folder / "tables")
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    with ReadOnlyLake(copy, [ToyDecoder()]) as lake, connect(lake) as connection:
        assert connection.execute("SELECT count(*) FROM readings").fetchone() == (4,)
        assert connection.execute("SELECT count(*) FROM requests").fetchone() == (1,)
        assert connection.execute("SELECT state FROM coverage").fetchall() == [("complete",)]
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            connection.execute("CREATE TABLE mine (x INT)")
        assert lake.problems == [
            f"the folder was moved or copied from {filled.folder}, and warehouse.duckdb is of "
            "that one"
        ]
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before


SUM = "SELECT sum(power_w) FROM {}readings"


def _opened(path: Path | str, sql: str = SUM.format("")) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def copied(filled: Lake, tmp_path: Path) -> Path:
    """Copy the filled folder, then change the original."""
    copy = tmp_path / "it's a [copy]"
    shutil.copytree(filled.folder, copy)
    filled.archive.append([answer("B", DAY, day_rows(DAY))])
    build(filled, ToyDecoder())
    return copy


@pytest.mark.slow
def test_the_file_of_a_copy_reads_the_copy_however_it_is_opened(
    filled: Lake, copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(copied)
    (tmp_path / "link to original").symlink_to(filled.folder)
    assert _opened(copied / "warehouse.duckdb") == [(406.0,)]
    assert _opened(tmp_path / "link" / "warehouse.duckdb") == [(406.0,)]
    assert _opened(filled.folder / "warehouse.duckdb") == [(812.0,)]
    assert _opened(tmp_path / "link to original" / "warehouse.duckdb") == [(812.0,)]
    monkeypatch.chdir(copied)
    assert _opened("warehouse.duckdb") == [(406.0,)]
    assert _opened("warehouse.duckdb", "FROM where_am_i") == [
        (f"{copied}/warehouse.duckdb", str(copied), str(filled.folder), True)
    ]


@pytest.mark.slow
def test_an_attached_copy_fails_instead_of_reading_the_original(
    filled: Lake, copied: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(filled.folder)
    original, copy = filled.folder / "warehouse.duckdb", copied / "warehouse.duckdb"
    words = "was written for .* and is open as .*givlake build"

    def attach(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
        text = str(path).replace("'", "''")
        connection.execute(f"ATTACH '{text}' AS {name} (READ_ONLY)")

    for path in (original, tmp_path / "link" / "warehouse.duckdb"):
        with duckdb.connect() as connection:
            attach(connection, "mine", path)
            assert connection.execute(SUM.format("mine.")).fetchall() == [(812.0,)]
    with duckdb.connect() as connection:
        attach(connection, "theirs", copy)
        with pytest.raises(duckdb.InvalidInputException, match=words):
            connection.execute(SUM.format("theirs."))
        attach(connection, "mine", original)
        for name in ("mine", "theirs"):
            with pytest.raises(duckdb.InvalidInputException, match=words):
                connection.execute(SUM.format(f"{name}."))
    with duckdb.connect(str(copy), read_only=True) as connection:
        attach(connection, "original", original)
        with pytest.raises(duckdb.InvalidInputException, match=words):
            connection.execute(SUM.format("original."))


@pytest.mark.slow
def test_a_copy_that_givlake_has_written_to_is_a_folder_of_its_own(
    filled: Lake, copied: Path
) -> None:
    with Lake(copied) as lake:
        assert publish(lake, ToyDecoder().tables)
        assert not publish(lake, ToyDecoder().tables)
    with duckdb.connect() as connection:
        for name, folder in (("mine", filled.folder), ("theirs", copied)):
            path = str(folder / "warehouse.duckdb").replace("'", "''")
            connection.execute(f"ATTACH '{path}' AS {name} (READ_ONLY)")
        assert connection.execute(SUM.format("mine.")).fetchall() == [(812.0,)]
        assert connection.execute(SUM.format("theirs.")).fetchall() == [(406.0,)]


def test_filters_reach_the_files_through_the_views(filled: Lake) -> None:
    sql = "EXPLAIN SELECT power_w FROM readings WHERE meter = 'A'"
    ((_, plan),) = _opened(filled.folder / "warehouse.duckdb", sql)
    scan = plan[plan.index("PARQUET") :]
    assert "meter" in scan
    assert "'A'" in scan


@pytest.mark.processes
def test_nothing_is_written_through_a_folder_opened_for_reading(filled: Lake) -> None:
    entry = answer("A", DAY, day_rows(DAY))
    with ReadOnlyLake(filled.folder, [ToyDecoder()]) as lake:
        assert lake.problems == []
        for write in (
            lambda: lake.archive.append([entry]),
            lambda: lake.state.set("name", 1),
            lambda: build(lake, ToyDecoder(2)),
            lambda: lake.file_set("build-readings").forget_manifest(),
        ):
            with pytest.raises(StoreError, match="cannot be written by a command that only reads"):
                write()


@pytest.mark.processes
def test_a_folder_of_an_older_layout_says_which_command_migrates_it(filled: Lake) -> None:
    (filled.folder / "store.json").write_text('{"layout_version": 0}')
    with pytest.raises(VersionError, match=r"has layout 0 .* run `givlake build`"):
        ReadOnlyLake(filled.folder, [ToyDecoder()])


def test_tables_of_an_older_decoder_say_which_command_migrates_them(filled: Lake) -> None:
    with pytest.raises(
        VersionError, match="built by an older version of givlake: run `givlake build`"
    ):
        ReadOnlyLake(filled.folder, [ToyDecoder(2)])


@pytest.mark.slow
@pytest.mark.processes
def test_a_folder_that_this_user_cannot_write_is_read() -> None:
    """A build was interrupted before anything but the archive knew of the newest day."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = Path(place, "data")
        said = _read_by_another_user(folder)
    assert said.splitlines() == ["[('complete',), ('not_built',)]", "1", "[]"]


def _read_by_another_user(folder: Path) -> str:
    with Lake(folder) as lake:
        lake.archive.append([answer("A", DAY, day_rows(DAY))])
        build(lake, ToyDecoder())
        refresh_coverage(lake, [])
        publish(lake, ToyDecoder().tables)
        lake.archive.append([answer("A", DAY + timedelta(days=1), day_rows(DAY))])
    return run_apart(
        "import pathlib\n"
        f"folder = pathlib.Path({str(folder)!r})\n"
        "for path in [folder, *folder.rglob('*')]:\n"
        "    path.chmod(0o555 if path.is_dir() else 0o444)\n"
        "def read():\n"
        "    with ReadOnlyLake(folder, [ToyDecoder()]) as lake:\n"
        "        with connect(lake) as connection:\n"
        "            states = connection.sql('SELECT state FROM coverage ORDER BY 1').fetchall()\n"
        "        pending = pending_responses(lake, ['readings'])\n"
        "        return states, pending['readings'].total(), lake.problems\n"
        "read()  # modules that are imported on the way may be of the first user alone\n"
        "become_nobody()\n"
        "print(*read(), sep='\\n')\n"
    )


MACRO = ViewSpec(
    name="readings_since",
    sql="SELECT meter, power_w, days AS day_count FROM readings WHERE time >= since",
    description="Readings since a time, each owner's.",
    schema=pa.schema({"meter": pa.string(), "power_w": pa.float64(), "day_count": pa.int32()}),
    parameters=("since", "days := 28"),
)
OVER_IT = ViewSpec(
    name="all_readings",
    sql="FROM readings_since(TIMESTAMPTZ '2000-01-01 00:00+00')",
    description="All readings.",
    schema=MACRO.schema,
)


@pytest.mark.slow
def test_a_macro_is_a_view_with_parameters(filled: Lake) -> None:
    publish(filled, ToyDecoder().tables, [MACRO, OVER_IT])
    with connect(filled, as_published=True) as connection:
        rows = connection.execute(
            "SELECT count(*), max(day_count) FROM readings_since(NULL)"
        ).fetchone()
        assert rows == (0, None)
        (every,) = connection.execute("SELECT count(*) FROM readings").fetchone() or ()
        since = f"readings_since(TIMESTAMPTZ '{DAY} 00:00+00', days := 7)"
        rows = connection.execute(f"SELECT count(*), max(day_count) FROM {since}").fetchone()
        assert rows == (every, 7)
        assert connection.execute("SELECT count(*) FROM all_readings").fetchone() == (every,)
        comment = connection.execute(
            "SELECT comment FROM duckdb_functions() WHERE function_name = 'readings_since'"
        ).fetchone()
        assert comment == (MACRO.description,)


@pytest.mark.slow
def test_the_columns_of_views_have_the_types_that_are_declared(filled: Lake) -> None:
    views = (*system_views(filled.folder), *table_views(filled.folder, ToyDecoder().tables))
    publish(filled, ToyDecoder().tables, [MACRO, OVER_IT])
    with connect(filled) as connection:
        for view in (*views, MACRO, OVER_IT):
            described = connection.execute(f"DESCRIBE {view.example}").fetchall()
            assert column_types(view.schema) == {
                row[0]: row[1].replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
                for row in described
            }
