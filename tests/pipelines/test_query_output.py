"""Results of queries: as people read them on a terminal and in a pipe, and in files."""

import csv
import json
import os
import pty
import resource
import subprocess

import duckdb
import pyarrow.parquet as pq
import pytest

from pipelines.cli.query_table import as_text
from pipelines.open_folder import open_lake
from tests.support.owner import Owner, command
from tests.support.settings import settings_of
from tests.support.timeouts import TIMEOUT_S

POINTS = (
    "SELECT 'SIM000' || i AS inverter_serial, TIMESTAMPTZ '2025-06-01 10:00:00+00' AS time,"
    " 240.5::DOUBLE AS grid_voltage_v, i AS battery_power_w FROM range({}) r(i)"
)


@pytest.fixture(scope="module")
def owner(tmp_path_factory):
    """Give an owner with an empty catalogue."""
    owner = Owner(tmp_path_factory.mktemp("owner"), {}, token=None)
    with open_lake(settings_of(owner.settings)):
        pass
    return owner


@pytest.fixture
def shown(monkeypatch):
    """Return a function that draws a query's result for a terminal, or for a pipe."""
    monkeypatch.setenv("COLUMNS", "80")

    def draw(sql, *, fits_screen=True):
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            text, rows = as_text(connection, connection.sql(sql), fits_screen=fits_screen)
            return text.splitlines(), rows

    return draw


def test_a_small_result_is_duckdbs_box(shown):
    lines, rows = shown("SELECT 1 AS a, NULL::VARCHAR AS b, [1, 2] AS c")
    assert rows == 1
    assert [line.split() for line in lines[1:3]] == [
        ["│", "a", "│", "b", "│", "c", "│"],
        ["│", "int32", "│", "varchar", "│", "int32[]", "│"],
    ]
    assert lines[4].split() == ["│", "1", "│", "NULL", "│", "[1,", "2]", "│"]


def test_a_result_that_fits_without_lines_and_types_has_none(shown):
    """DuckDB would leave out a column: the type of a time is wider than any time."""
    lines, _ = shown(POINTS.format(2))
    assert lines == [
        "inverter_serial  time                    grid_voltage_v  battery_power_w",
        "SIM0000          2025-06-01 10:00:00+00           240.5                0",
        "SIM0001          2025-06-01 10:00:00+00           240.5                1",
    ]


def test_a_result_that_is_too_wide_has_one_value_per_line(shown):
    wide = ", ".join(f"repeat('{n}', 12) AS column_{n}" for n in range(9))
    lines, rows = shown(f"SELECT {wide}, NULL AS nothing, {{'a': [1, 2]}} AS nested")
    assert rows == 1
    assert lines[0] == "── row 1 ".ljust(80, "─")
    assert lines[1:10] == [f"column_{n}  {str(n) * 12}" for n in range(9)]
    assert lines[10:12] == ["nothing   NULL", "nested    {'a': [1, 2]}"]
    assert lines[12].startswith("One value per line, because the table is ")
    assert len(lines) == 13


def test_no_line_is_wider_than_the_terminal(shown):
    for sql in (
        POINTS.format(300),
        "SELECT repeat('word ', 500) AS a, 1 AS b, 'x\ny' AS c FROM range(3)",
        "SELECT repeat('w', 500) AS a, repeat('v', 500) AS b",
        "SELECT " + ", ".join(f"1 AS a_long_name_of_a_column_{n}" for n in range(9)),
    ):
        lines, _ = shown(sql)
        assert max(map(len, lines[:-2])) <= 80


def test_rows_that_are_not_shown_are_said(shown):
    lines, rows = shown("FROM range(201)")
    assert rows == 200
    assert lines[-1] == "Only the first 200 rows are shown: the other formats have all."
    assert "│   199 │" in lines
    lines, rows = shown("FROM range(200)")
    assert rows == 200
    assert lines[-1].startswith("└")
    lines, rows = shown("SELECT repeat('x', 90) AS a, range AS b, 'y' AS c FROM range(11)")
    wide = ", ".join(f"repeat('{n}', 12) AS column_{n}" for n in range(9))
    lines, rows = shown(f"SELECT {wide} FROM range(11)")
    assert rows == 10
    assert lines[-1].startswith("Only the first 10 rows are shown: name fewer columns")
    assert "── row 10 ─" in "\n".join(lines)


def test_in_a_pipe_a_table_has_its_whole_width_and_no_value_is_cut(shown):
    lines, rows = shown(
        f"SELECT *, repeat('long ', 900) AS text FROM ({POINTS.format(300)})", fits_screen=False
    )
    assert rows == 300
    assert "…" not in "\n".join(lines)
    assert "long " * 900 in lines[4]
    assert sum("SIM000" in line for line in lines) == 300


@pytest.mark.parametrize("fits_screen", [True, False])
def test_a_result_without_rows_names_its_columns(shown, fits_screen):
    lines, rows = shown("SELECT 1 AS first_column WHERE false", fits_screen=fits_screen)
    assert rows == 0
    assert "first_column" in lines[1]
    assert lines[-1].strip() == "0 rows"


def test_a_wide_result_without_rows_names_its_columns(shown):
    lines, _ = shown(f"SELECT * FROM ({POINTS.format(1)}), (SELECT 1 AS another) WHERE false")
    text = "SELECT " + ", ".join(f"1 AS a_long_name_of_a_column_{n}" for n in range(5))
    lines, rows = shown(f"{text} WHERE false")
    assert rows == 0
    assert lines[0].startswith("No rows. The columns are a_long_name_of_a_column_0, a_long")


def test_control_characters_do_not_reach_the_terminal(shown):
    for extra in ("", ", repeat('x', 90) AS b, repeat('y', 900) AS c, repeat('z', 900) AS d"):
        lines, _ = shown(f"SELECT 'a' || chr(27) || '[31mred' AS a{extra}")
        assert "\x1b" not in "\n".join(lines)
        assert "[31mred" in "\n".join(lines)


def test_a_plan_is_printed_as_duckdb_draws_it(shown):
    lines, _ = shown("EXPLAIN SELECT 1")
    assert "explain_key" not in "\n".join(lines)
    assert any("Projection" in line or "PROJECTION" in line for line in lines)


@pytest.mark.slow
@pytest.mark.processes
def test_the_command_asks_the_terminal_for_its_width(owner):
    screen, end = pty.openpty()
    environment = owner.environment | {"COLUMNS": "80"}
    with subprocess.Popen(
        command("query", POINTS.format(1)),
        cwd=owner.folder, env=environment, stdin=subprocess.DEVNULL, stdout=end,
        stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        os.close(end)
        _, err = process.communicate(timeout=TIMEOUT_S)
    written = os.read(screen, 10_000).decode()
    os.close(screen)
    assert (process.returncode, "Traceback" in err.decode()) == (0, False)
    assert written.splitlines()[0].split() == [
        "inverter_serial", "time", "grid_voltage_v", "battery_power_w"
    ]  # fmt: skip
    piped = owner.process("query", POINTS.format(1))
    assert piped.out.startswith("┌")


@pytest.mark.slow
def test_statements_without_rows_print_nothing_and_several_tables_are_apart(owner):
    done = owner.givlake("query", "SET threads = 1; CREATE TEMP TABLE x AS SELECT 1 AS one")
    assert (done.status, done.out) == (0, "")
    done = owner.givlake("query", "SELECT 1 AS one; SET threads = 1; SELECT 2 AS two;")
    first, second = done.out.split("\n\n")
    assert ("one" in first, "two" in second) == (True, True)
    done = owner.givlake("query", "PIVOT (SELECT 1 AS a, 'x' AS b) ON b USING sum(a)")
    assert (done.status, "x" in done.out.splitlines()[1]) == (0, True)


def test_times_are_in_utc_whatever_the_zone_of_the_machine(owner, monkeypatch):
    sql = "SELECT TIMESTAMPTZ '2025-06-01 12:00:00+02' AS time"
    for layout in ("table", "csv", "json"):
        assert "2025-06-01 10:00:00+00" in owner.givlake("query", sql, "--format", layout).out


@pytest.mark.slow_but_first
@pytest.mark.parametrize("sql", ["", " ; ", "-- nothing"])
def test_an_empty_query_is_one_sentence(owner, sql):
    done = owner.givlake("query", "--", sql)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("givlake: The query is empty: write SQL, such as givlake query")


@pytest.mark.slow_but_first
@pytest.mark.parametrize(
    ("sql", "count"), [("SELECT 1; SELECT 2", "2 results"), ("SET threads = 1", "0 results")]
)
def test_a_file_holds_the_rows_of_one_statement(owner, tmp_path, sql, count):
    for how in (("--format", "csv"), ("--output", tmp_path / "x.csv")):
        done = owner.givlake("query", sql, *how)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(f"givlake: The query has {count}, but only one can be written")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_ending_of_a_file_gives_its_format(owner, tmp_path):
    sql = "SELECT range AS number, 'x' AS text FROM range(3)"
    for name in ("r.csv", "r.json", "r.parquet", "r.txt"):
        done = owner.givlake("query", sql, "-o", tmp_path / name)
        assert (done.status, done.err) == (0, "")
        assert done.out == f"3 rows written to {tmp_path / name}.\n"
    rows = [{"number": number, "text": "x"} for number in range(3)]
    with (tmp_path / "r.csv").open() as file:
        assert [row | {"number": int(row["number"])} for row in csv.DictReader(file)] == rows
    assert json.loads((tmp_path / "r.json").read_text()) == rows
    assert pq.read_table(tmp_path / "r.parquet").to_pylist() == rows
    assert (tmp_path / "r.txt").read_text() == owner.givlake("query", sql).out
    # A format that is named counts, whatever the ending.
    assert owner.givlake("query", sql, "-o", tmp_path / "r", "--format", "json").status == 0
    assert json.loads((tmp_path / "r").read_text()) == rows
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.slow
def test_a_file_is_replaced_only_on_request(owner, tmp_path):
    file = tmp_path / "r.csv"
    file.write_text("mine")
    done = owner.givlake("query", "SELECT 1 AS a", "-o", file)
    assert done.status == 2
    assert done.err == (
        f"givlake: {file} cannot be written because it exists: choose another name, or replace it"
        " with --overwrite.\n"
    )
    assert owner.givlake("query", "FROM nowhere", "-o", file, "--overwrite").status == 2
    assert file.read_text() == "mine"
    assert owner.givlake("query", "SELECT 1 AS a", "-o", file, "--overwrite").status == 0
    assert file.read_text() == "a\n1\n"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.slow
def test_a_path_that_cannot_be_written_is_one_sentence(owner, tmp_path):
    for name, sentence in (
        ("no/r.csv", f"there is no folder {tmp_path / 'no'}: create it"),
        ("", "it is a folder: add the name of a file"),
    ):
        done = owner.givlake("query", "SELECT 1", "-o", tmp_path / name, "--format", "csv")
        assert (done.status, done.out) == (2, "")
        assert sentence in done.err
        assert len(done.err.splitlines()) == 1
    done = owner.givlake("query", "SELECT 1", "-o", owner.data / "r.csv")
    assert f"it is in the data folder {owner.data}: choose another path" in done.err
    done = owner.givlake("query", "SELECT 1", "-o", tmp_path / "r.xlsx")
    assert "gives no format: end it in .csv, .json, .parquet or .txt" in done.err


@pytest.mark.slow
@pytest.mark.processes
def test_a_full_disk_leaves_no_file(owner, tmp_path):
    limit = (1_000_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    done = subprocess.run(
        command("query", "FROM range(1000000)", "-o", tmp_path / "r.csv"),
        cwd=owner.folder, env=owner.environment, capture_output=True, timeout=TIMEOUT_S,
        check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert f"Writing {tmp_path / 'r.csv'} failed because the largest".encode() in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_wide_values_in_many_rows_do_not_take_gigabytes(simulate, own):
    """DuckDB pads every value of a column to the widest: 10,000 rows took 1.8 GB."""
    owner = own(simulate(inverters=1))
    done = owner.givlake("query", "SELECT repeat('x', 20000) AS wide FROM range(5000)")
    assert done.status == 0
    assert len(done.out) < 30_000_000
    assert "Only the first 1,000 rows are shown" in done.output
