"""`givlake accounts`: the accounts of a machine in one table, and in one catalogue."""

import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.cli.accounts_commands import CATALOGUE
from simulator import Simulator, SimulatorConfig
from tests.support.two_accounts import NORTH, SOUTH, TOKENS, TwoAccounts

FIRST, LAST = "2026-06-10", "2026-06-11"
DATASETS = "inverter_data_points,communication_devices,sites"
MACROS = {
    "energy_between": f"'{FIRST}', '{LAST}'",
    "cost_between": f"'none', '{FIRST}', '{LAST}'",
    "typical_day": "6",
    "payback": "1000",
}


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    config = SimulatorConfig(tokens=TOKENS, inverters=2, commissioned=date(2026, 6, 1))
    with Simulator(config) as sim:
        yield sim


@pytest.fixture(scope="module")
def kept(sim: Simulator, tmp_path_factory: pytest.TempPathFactory) -> TwoAccounts:
    """Two accounts, of which the south has a day more, and their catalogue; not to be changed."""
    two = TwoAccounts(tmp_path_factory.mktemp("machine"), sim, GIVLAKE_DATASETS=DATASETS)
    for name, start in ((NORTH, LAST), (SOUTH, FIRST)):
        done = two.of(name, "backfill", "--start", start, "--end", LAST)
        assert done.status == 0, done.output
    done = two.givlake("accounts", "catalogue")
    assert (done.status, done.err) == (0, ""), done.output
    return two


@pytest.fixture
def empty(sim: Simulator, tmp_path: Path) -> TwoAccounts:
    """Two accounts without data."""
    return TwoAccounts(tmp_path, sim)


@contextmanager
def opened(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def united(two: TwoAccounts, sql: str) -> list[tuple[Any, ...]]:
    with opened(two.folder / CATALOGUE) as connection:
        return connection.sql(sql).fetchall()


def own(two: TwoAccounts, name: str, sql: str) -> list[tuple[Any, ...]]:
    with opened(two.accounts / name / "warehouse.duckdb") as connection:
        return connection.sql(sql).fetchall()


def listed(two: TwoAccounts, status: int = 0) -> dict[str, dict[str, Any]]:
    done = two.givlake("accounts", "list", "--format", "json")
    assert done.status == status, done.output
    return {row["account"]: row for row in json.loads(done.out)}


def test_each_row_says_whose_it_is(kept: TwoAccounts) -> None:
    counts = "SELECT account, count(*) FROM inverter_data_points GROUP BY account ORDER BY account"
    expected = [
        (name, own(kept, name, "SELECT count(*) FROM inverter_data_points")[0][0])
        for name in (NORTH, SOUTH)
    ]
    assert united(kept, counts) == expected
    assert 0 < expected[0][1] < expected[1][1]
    assert united(kept, "FROM united_accounts") == [
        (name, str(kept.accounts / name), f'"account_{name}"') for name in (NORTH, SOUTH)
    ]
    with opened(kept.folder / CATALOGUE) as connection:
        first = connection.sql("FROM sites").columns
    # A table's own column of that name, in which the name of a site's account is.
    assert first[0] == "account"
    assert "account_key" in first


@pytest.mark.slow
def test_every_view_has_the_rows_of_each_account(kept: TwoAccounts) -> None:
    """Marts join within an account only: of each account they say what its own catalogue says."""
    with opened(kept.folder / CATALOGUE) as together:
        names = [
            name
            for (name,) in together.sql(
                "SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = 'main'"
            ).fetchall()
        ]
        found = {
            view: dict(
                together.sql(f'SELECT account, count(*) FROM "{view}" GROUP BY 1').fetchall()
            )
            for view in names
            if view != "united_accounts"
        }
    for name in (NORTH, SOUTH):
        with opened(kept.accounts / name / "warehouse.duckdb") as alone:
            views = alone.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
            assert {view for (view,) in views} - {"where_am_i"} == set(found)
            for view, counts in found.items():
                rows = alone.sql(f'SELECT count(*) FROM "{view}"').fetchall()[0][0]
                assert counts.get(name, 0) == rows, view


@pytest.mark.parametrize("mart", ["daily_energy", "site_daily"])
def test_a_mart_is_computed_within_an_account(kept: TwoAccounts, mart: str) -> None:
    for name in (NORTH, SOUTH):
        rows = f"SELECT * EXCLUDE (account) FROM {mart} WHERE account = '{name}' ORDER BY ALL"
        expected = own(kept, name, f"FROM {mart} ORDER BY ALL")
        assert expected
        assert united(kept, rows) == expected
        assert united(kept, f"FROM account_{name}.{mart} ORDER BY ALL") == expected


@pytest.mark.slow
@pytest.mark.parametrize("macro", MACROS)
def test_a_macro_is_computed_within_an_account(kept: TwoAccounts, macro: str) -> None:
    call = f"{macro}({MACROS[macro]})"
    for name in (NORTH, SOUTH):
        expected = own(kept, name, f"FROM {call} ORDER BY ALL")
        assert expected or macro in ("cost_between", "payback")
        rows = f"SELECT * EXCLUDE (account) FROM {call} WHERE account = '{name}' ORDER BY ALL"
        assert united(kept, rows) == expected
        assert united(kept, f"FROM account_{name}.{call} ORDER BY ALL") == expected


def test_every_macro_is_united_but_one_that_takes_a_view(kept: TwoAccounts) -> None:
    macros = (
        "SELECT DISTINCT function_name FROM duckdb_functions()"
        " WHERE function_type = 'table_macro' AND NOT internal AND schema_name = '{}'"
    )
    everywhere = {name for (name,) in own(kept, NORTH, macros.format("main"))}
    assert {name for (name,) in united(kept, macros.format("main"))} == set(MACROS)
    assert everywhere - set(MACROS) == {"derived_half_hours"}


def test_descriptions_are_kept(kept: TwoAccounts) -> None:
    of_views = (
        "SELECT view_name, comment FROM duckdb_views()"
        " WHERE NOT internal AND schema_name = 'main' AND view_name NOT IN"
        " ('where_am_i', 'united_accounts') ORDER BY ALL"
    )
    assert united(kept, of_views) == own(kept, NORTH, of_views)
    of_columns = (
        "SELECT table_name, CASE column_name WHEN 'account' THEN 'account_key' ELSE column_name END"
        " AS column_name, comment FROM duckdb_columns() WHERE NOT internal AND schema_name = 'main'"
        " AND table_name NOT IN ('where_am_i', 'united_accounts'){} ORDER BY ALL"
    )
    assert united(kept, of_columns.format(" AND column_name <> 'account'")) == own(
        kept, NORTH, of_columns.format("")
    )


@pytest.mark.slow
def test_it_reads_what_arrives_and_works_from_anywhere(
    kept: TwoAccounts, sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = _copied(kept, sim, tmp_path)
    (moved := tmp_path / "elsewhere").mkdir()
    file = (two.folder / CATALOGUE).rename(moved / "any.duckdb")
    monkeypatch.chdir(moved)
    count = "SELECT count(*) FROM inverter_data_points WHERE account = 'north'"
    with opened(file) as connection, duckdb.connect() as other:
        before = connection.sql(count).fetchall()
        assert two.of(NORTH, "backfill", "--start", FIRST, "--end", FIRST).status == 0
        after = connection.sql(count).fetchall()
        assert after > before
        assert after == own(two, NORTH, "SELECT count(*) FROM inverter_data_points")
        other.execute(f"ATTACH '{file}' AS fleet (READ_ONLY)")
        assert other.sql(count.replace("FROM ", "FROM fleet.")).fetchall() == after
        of_site = "SELECT account, count(*) FROM {}site_daily GROUP BY 1 ORDER BY 1"
        attached = other.sql(of_site.format("fleet.")).fetchall()
        assert attached == connection.sql(of_site.format("")).fetchall()


@pytest.mark.slow
def test_it_is_replaced_while_it_is_read_and_accounts_ingest(
    kept: TwoAccounts, sim: Simulator, tmp_path: Path
) -> None:
    two = _copied(kept, sim, tmp_path)
    ended, failures = threading.Event(), list[Exception]()

    def read() -> None:
        while not ended.is_set():
            try:
                rows = united(two, "SELECT DISTINCT account FROM inverter_data_points ORDER BY 1")
                assert rows == [(NORTH,), (SOUTH,)]
            except Exception as error:
                failures.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        assert two.of(NORTH, "backfill", "--start", FIRST, "--end", FIRST).status == 0
        for _ in range(2):
            assert two.givlake("accounts", "catalogue").status == 0
    finally:
        ended.set()
        for reader in readers:
            reader.join()
    assert not failures
    assert {path.name for path in two.folder.iterdir() if "duckdb" in path.name} == {CATALOGUE}


@pytest.mark.slow
def test_accounts_may_have_other_columns_and_views(
    kept: TwoAccounts, sim: Simulator, tmp_path: Path
) -> None:
    """As those of an account that an older givlake has opened last."""
    two = _copied(kept, sim, tmp_path)
    record = two.accounts / SOUTH / "index" / "catalogue.json"
    content = json.loads(record.read_text())
    content["statements"] = [
        # The first column of a table that no mart reads.
        re.sub(r"(SELECT|select) [^,]+, ", r"\1 ", statement, count=1)
        if statement.startswith('CREATE OR REPLACE VIEW "sso_accounts"')
        else statement
        for statement in content["statements"]
        if '"monthly_energy"' not in statement and '"sso_accounts".' not in statement
    ]
    record.write_text(json.dumps(content))
    done = two.givlake("accounts", "catalogue")
    assert done.status == 0, done.output
    assert united(two, "SELECT DISTINCT account FROM monthly_energy") == [(NORTH,)]
    assert united(two, "FROM sso_accounts") == []
    assert united(two, "SELECT DISTINCT account FROM inverter_data_points ORDER BY 1") == [
        (NORTH,),
        (SOUTH,),
    ]


@pytest.mark.slow
def test_one_without_data_and_one_that_was_moved(
    kept: TwoAccounts, sim: Simulator, tmp_path: Path
) -> None:
    two = _copied(kept, sim, tmp_path)
    (two.accounts / "west.env").write_text("GIVENERGY_API_TOKEN=west\n")
    done = two.givlake("accounts", "catalogue")
    assert done.status == 0
    assert "No data yet: west." in done.err
    (two.accounts / SOUTH).rename(two.folder / "south")
    with pytest.raises(duckdb.IOException, match=f"{two.accounts}/south/"):
        united(two, "SELECT count(*) FROM inverter_data_points")
    assert united(two, "SELECT count(*) FROM account_north.inverter_data_points") > [(0,)]
    settings = two.accounts / "south.env"
    settings.write_text(f"{settings.read_text()}GIVLAKE_DATA={two.folder / 'south'}\n")
    done = two.givlake("accounts", "catalogue")
    assert done.status == 1
    assert "south is left out:" in done.err
    assert "was moved or copied from" in done.err
    assert "run givlake --account south build" in done.err
    assert united(two, "SELECT account FROM united_accounts") == [(NORTH,)]
    assert two.of(SOUTH, "build").status == 0
    assert two.givlake("accounts", "catalogue").status == 0
    assert united(two, "SELECT account FROM united_accounts") == [(NORTH,), (SOUTH,)]


@pytest.mark.slow
def test_one_with_a_damaged_file_hides_no_other(
    kept: TwoAccounts, sim: Simulator, tmp_path: Path
) -> None:
    two = _copied(kept, sim, tmp_path)
    for file in (two.accounts / SOUTH).rglob("_schema.parquet"):
        file.write_bytes(file.read_bytes()[:20])
    done = two.givlake("accounts", "catalogue")
    assert done.status == 1, done.output
    assert "south is left out:" in done.err
    assert "givlake --account south check --repair" in done.err
    assert "1 account united in" in done.out
    assert united(two, "SELECT account FROM united_accounts") == [(NORTH,)]
    assert united(two, "SELECT count(*) FROM inverter_data_points") > [(0,)]
    assert [path for path in two.folder.iterdir() if path.name.startswith(".accounts")] == []


@pytest.mark.slow
def test_one_whose_data_folder_is_gone_is_not_without_data(
    kept: TwoAccounts, sim: Simulator, tmp_path: Path
) -> None:
    two = _copied(kept, sim, tmp_path)
    (two.accounts / SOUTH).rename(tmp_path / "unmounted")
    (two.accounts / "west.env").write_text(f"GIVLAKE_DATA={tmp_path / 'missing'}\n")
    done = two.givlake("accounts", "catalogue")
    assert done.status == 1
    assert f"south is left out: its data folder {two.accounts / SOUTH} is gone" in done.err
    assert f"west is left out: its data folder {tmp_path / 'missing'} is gone" in done.err
    listing = two.givlake("accounts", "list")
    assert listing.status == 1
    assert f"west: its data folder {tmp_path / 'missing'} is not there: mount it" in listing.out
    (tmp_path / "unmounted").rename(two.accounts / SOUTH)
    (two.accounts / "west.env").unlink()
    assert two.givlake("accounts", "catalogue").status == 0


def test_no_other_file_is_replaced(kept: TwoAccounts, tmp_path: Path) -> None:
    mine, text = tmp_path / "mine.duckdb", tmp_path / "notes.txt"
    with duckdb.connect(str(mine)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
    text.write_text("notes")
    inside = kept.accounts / NORTH / "all.duckdb"
    for file in (mine, text, kept.accounts / NORTH / "warehouse.duckdb", inside):
        before = file.read_bytes() if file.exists() else None
        done = kept.givlake("accounts", "catalogue", file)
        assert done.status in (1, 2)
        assert str(file) in done.err
        assert (file.read_bytes() if file.exists() else None) == before
    done = kept.givlake("accounts", "catalogue", tmp_path / "no folder" / "x.duckdb")
    assert "create it, or choose another path" in done.err


def test_the_list_has_the_figures_of_status(kept: TwoAccounts) -> None:
    rows = listed(kept)
    assert [*rows] == [NORTH, SOUTH]
    for name, row in rows.items():
        status = json.loads(kept.of(name, "status", "--format", "json").out)
        by_state = [part.get("days_by_state", {}) for part in status]
        missing = sum(days.get("not_requested", 0) for days in by_state)
        assert row["missing_days"] == missing
        assert row["failed_days"] == 0
        assert row["data_folder"] == str(kept.accounts / name)
        assert row["size_bytes"] > 10_000
        assert (row["problem"], row["updated_at"]) == (None, None)
        assert 0 <= row["used_requests"] <= row["request_limit"]
    # The whole table, as wide as it is.
    shown = kept.givlake("accounts", "list")
    assert "no sync yet" in shown.out
    assert max(map(len, shown.out.splitlines()[1:4])) <= 80
    assert "token" not in shown.output
    csv = kept.givlake("accounts", "list", "--format", "csv").out.splitlines()
    assert [line.split(",")[0] for line in csv] == ["account", NORTH, SOUTH]


@pytest.mark.slow
def test_the_list_says_when_sync_worked(kept: TwoAccounts, sim: Simulator, tmp_path: Path) -> None:
    two = _copied(kept, sim, tmp_path)
    assert two.of(NORTH, "sync").status == 0
    rows = listed(two)
    assert rows[NORTH]["updated_at"] is not None
    assert rows[NORTH]["age_s"] >= 0
    assert rows[SOUTH]["age_s"] is None


def test_one_that_cannot_be_used_hides_no_other(empty: TwoAccounts) -> None:
    (empty.accounts / "bad.env").write_text("GIVLAKE_CONNECTIONS=many\nGIVENERGY_API_TOKEN=hidden")
    (empty.accounts / "binary.env").write_bytes(b"\xff\xfe\xff")
    (empty.accounts / "dataset.env").write_text("GIVLAKE_DATASETS=weather\n")
    (empty.accounts / "file.env").write_text("GIVLAKE_DATA=north.env\n")
    (empty.accounts / "twin.env").write_text("GIVLAKE_DATA=south\n")
    rows = listed(empty, status=1)
    problems = {name: row["problem"] for name, row in rows.items()}
    assert problems[NORTH] is problems[SOUTH] is None
    for name, said in {
        "bad": "GIVLAKE_CONNECTIONS is 'many'",
        "binary": "binary.env cannot be read",
        "dataset": "weather",
        "file": "north.env",
        "twin": "which is the data folder of south",
    }.items():
        assert said in str(problems[name]), name
    shown = empty.givlake("accounts", "list")
    assert shown.status == 1
    assert "north: no data yet: start with givlake --account north backfill" in shown.out
    assert "bad: GIVLAKE_CONNECTIONS is 'many'" in shown.out
    assert "hidden" not in shown.output
    # Nothing was created.
    assert not (empty.accounts / NORTH).exists()


def test_without_data_or_accounts(empty: TwoAccounts, tmp_path: Path) -> None:
    done = empty.givlake("accounts", "catalogue")
    assert done.status == 1
    assert "No account has data that can be read" in done.err
    assert not (empty.folder / CATALOGUE).exists()
    shutil.rmtree(empty.accounts)
    listing = empty.givlake("accounts", "list")
    assert listing.status == 0
    assert "make a file accounts/NAME.env with GIVENERGY_API_TOKEN=…" in listing.out
    assert json.loads(empty.givlake("accounts", "list", "--format", "json").out) == []
    assert empty.givlake("accounts", "catalogue").status == 2


def test_one_account_is_refused(empty: TwoAccounts) -> None:
    """Its settings would be in force for the others."""
    for command in ("list", "catalogue"):
        done = empty.of(NORTH, "accounts", command)
        assert done.status == 2
        assert "leave --account out" in done.err


def _copied(kept: TwoAccounts, sim: Simulator, folder: Path) -> TwoAccounts:
    """Return the same accounts in another folder, to be changed."""
    (copy := folder / "copy").mkdir()
    two = TwoAccounts(copy, sim, GIVLAKE_DATASETS=DATASETS)
    for name in (NORTH, SOUTH):
        shutil.copytree(kept.accounts / name, two.accounts / name)
        assert two.of(name, "build").status == 0
    assert two.givlake("accounts", "catalogue").status == 0
    return two
