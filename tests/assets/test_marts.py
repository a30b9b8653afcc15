"""The marts: the form of their files, what they read, and their columns as documented."""

import re

import duckdb
import pyarrow as pa
import pytest

from assets.catalogue_views import DerivedView, catalogue_views, ordered
from assets.marts.mart_file import marts, parse_mart
from assets.reconciliation import RECONCILIATIONS, reconciliation_view
from pipelines.open_folder import open_lake
from tests.support.import_graph import REPOSITORY
from tests.support.settings import settings_of
from tests.support.sql_references import references
from warehouse.connection import connect
from warehouse.interface.duckdb_types import column_types
from warehouse.interface.view_spec import ViewSpec

ASSETS = REPOSITORY / "assets"
EXAMPLE = """\
-- Energy of each day, in
-- kWh.
--
-- A day is a local day.
-- It has 46 to 50 half hours.
--
-- Unknown energies are null.
--
-- key: serial, slot or null
-- reads: flows,
-- coverage
-- columns:
-- serial varchar: Serial number of the inverter.
-- slot bigint: Number of the slot;
-- null: it has none.
-- kind varchar: one of: solar, grid.
with days as (select * from flows)
-- not documentation
select serial, slot, kind from days
"""
MACRO = """\
-- Energy since a day.
-- key: serial
-- reads: flows
-- parameters:
-- from_date: First local day.
-- days := '10:30'::time: Length;
-- a time.
-- columns:
-- serial varchar: Serial number.
select serial from flows where local_date >= from_date
"""


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty") / "data"
    with (
        open_lake(settings_of({"GIVLAKE_DATA": str(folder)})) as lake,
        connect(lake, as_published=True) as connection,
    ):
        yield connection


def test_the_comment_of_a_file_is_its_documentation():
    mart = parse_mart("days", EXAMPLE)
    assert mart.description == "Energy of each day, in kWh."
    assert mart.notes == (
        "A day is a local day. It has 46 to 50 half hours.",
        "Unknown energies are null.",
    )
    assert (mart.key, mart.nullable_key) == (("serial", "slot"), ("slot",))
    assert mart.reads == ("flows", "coverage")
    assert mart.columns == {
        "serial": "Serial number of the inverter.",
        "slot": "Number of the slot; null: it has none.",
        "kind": "one of: solar, grid.",
    }
    assert mart.types == {"serial": "varchar", "slot": "bigint", "kind": "varchar"}
    assert mart.parameters == {}
    assert mart.sql == EXAMPLE[EXAMPLE.index("with") :].strip()


def test_a_macro_has_parameters_with_and_without_defaults():
    macro = parse_mart("since", MACRO, is_macro=True)
    assert macro.parameters == {
        "from_date": "First local day.",
        "days := '10:30'::time": "Length; a time.",
    }
    create, [comment] = macro.view_spec.create, macro.view_spec.comments
    assert create == (
        "CREATE OR REPLACE MACRO \"since\"(from_date, days := '10:30'::time) AS TABLE"
        " select serial from flows where local_date >= from_date"
    )
    assert comment == "COMMENT ON MACRO TABLE \"since\" IS 'Energy since a day.'"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (EXAMPLE[: EXAMPLE.index("-- key")], "", "mart days has no description"),
        ("-- key: serial, slot or null\n", "", "mart days has no key"),
        ("key: serial", "key: day", "mart days has no column 'day', which its key names"),
        ("-- kind varchar: one", "-- slot bigint: one", "mart days describes 'slot' twice"),
        ("-- columns:\n", "-- columns:\n-- All of them.\n", "mart days has 'All of them.' where"),
        ("-- columns:", "-- parameters:\n-- day: A day.\n-- columns:", "days has parameters: move"),
    ],
)
def test_a_file_of_another_form_is_an_error_that_names_it(old, new, message):
    with pytest.raises(ValueError, match=message):
        parse_mart("days", EXAMPLE.replace(old, new))


def test_a_macro_without_parameters_is_an_error():
    with pytest.raises(ValueError, match="mart since has no parameters"):
        parse_mart("since", EXAMPLE, is_macro=True)


def view(name, *reads):
    return DerivedView(ViewSpec(name, "SELECT 1 AS a", "One.", pa.schema([])), reads, "marts")


def test_a_view_is_created_after_what_it_reads():
    views = [view("a", "c", "flows"), view("b", "a"), view("c")]
    assert [each.spec.name for each in ordered(views, {"flows"})] == ["c", "a", "b"]


def test_unknown_names_circles_and_double_names_are_errors():
    with pytest.raises(ValueError, match="a reads nowhere, which is not in the catalogue"):
        ordered([view("a", "nowhere")], {"flows"})
    with pytest.raises(ValueError, match=r"views read each other: (a reads b|b reads a)"):
        ordered([view("a", "b"), view("b", "a")], set())
    with pytest.raises(ValueError, match="two views of the name flows"):
        ordered([view("flows")], {"flows"})


@pytest.mark.parametrize("mart", marts(), ids=lambda mart: mart.name)
def test_a_mart_reads_what_its_file_says(mart):
    assert references(mart.sql) == set(mart.reads)


@pytest.mark.parametrize("check", RECONCILIATIONS, ids=lambda check: check.name)
def test_a_comparison_reads_what_it_declares_some_of_it_through_other_views(check):
    read = references(reconciliation_view(check).sql)
    through_others = {name for mart in marts() if mart.name in read for name in mart.reads}
    assert read <= set(check.reads) <= read | through_others


@pytest.mark.parametrize("mart", marts(), ids=lambda mart: mart.name)
def test_no_parameter_has_the_name_of_a_column(mart):
    assert not set(mart.columns) & {name.partition(" ")[0] for name in mart.parameters}


@pytest.mark.parametrize("view", catalogue_views(), ids=lambda view: view.name)
def test_columns_of_a_view_and_their_types_are_the_declared_ones(catalogue, view):
    described = catalogue.execute(f"DESCRIBE {view.example}").fetchall()
    assert [
        (row[0], row[1].replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")) for row in described
    ] == list(column_types(view.schema).items())


def test_a_mart_without_the_type_of_a_column_is_an_error_that_names_both():
    mart = parse_mart("days", EXAMPLE.replace("slot bigint", "slot"))
    with pytest.raises(ValueError, match="mart days has no type of slot"):
        _ = mart.view_spec
    mart = parse_mart("days", EXAMPLE.replace("slot bigint", "slot number"))
    with pytest.raises(ValueError, match="type 'number' is none of bigint, blob, "):
        _ = mart.view_spec


def test_the_catalogue_has_the_comments_of_marts(catalogue):
    comments = dict(
        catalogue.execute(
            "SELECT view_name, comment FROM duckdb_views()"
            " UNION ALL SELECT function_name, comment FROM duckdb_functions()"
            " WHERE function_type = 'table_macro' AND NOT internal"
        ).fetchall()
    )
    assert {mart.name: comments[mart.name] for mart in marts()} == {
        mart.name: mart.description for mart in marts()
    }


def test_a_macro_answers_from_a_catalogue_file_of_the_oldest_format(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    spec = parse_mart("since", MACRO, is_macro=True).view_spec
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS warehouse (STORAGE_VERSION 'v1.0.0')")
        connection.execute("USE warehouse")
        connection.execute(
            "CREATE VIEW flows AS SELECT 'A' AS serial, DATE '2025-06-01' AS local_date"
        )
        for statement in [spec.create, *spec.comments]:
            connection.execute(statement)
    with duckdb.connect(path, read_only=True) as connection:
        since = "SELECT serial FROM since(DATE '2025-05-01')"
        assert connection.execute(since).fetchall() == [("A",)]
        assert connection.execute("FROM since(DATE '2025-07-01')").fetchall() == []


def test_older_versions_of_duckdb_can_open_the_views():
    # DuckDB 2 stores if(…) in a view as a function, which DuckDB 1 does not have.
    for path in [*(ASSETS / "marts").rglob("*.sql"), *(ASSETS / "sql").iterdir()]:
        assert not re.search(r"(?<![\w.])if\(", path.read_text()), path
