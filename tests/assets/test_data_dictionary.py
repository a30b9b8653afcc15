"""The data dictionary, the comments of the catalogue and Dagster's columns say the same."""

import dagster as dg
import pytest

from assets.catalogue_entries import catalogue_entries
from assets.data_dictionary import dictionary
from assets.framework.contract.column_units import unit_of
from assets.registry import datasets
from pipelines.definitions_factory import build_definitions
from pipelines.open_folder import open_lake
from tests.support.import_graph import REPOSITORY
from tests.support.settings import settings_of
from warehouse.connection import connect

ENTRIES = catalogue_entries()


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return settings_of({"GIVLAKE_DATA": str(tmp_path_factory.mktemp("empty") / "data")})


@pytest.fixture(scope="module")
def catalogue(settings):
    with open_lake(settings) as lake, connect(lake, as_published=True) as connection:
        yield connection


def test_the_stored_dictionary_is_that_of_the_schemas_and_marts():
    stored = (REPOSITORY / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    assert stored == dictionary(), "run `make dictionary`"


def test_everything_in_the_catalogue_is_described_and_nothing_else(catalogue):
    found = dict(
        catalogue.execute(
            "SELECT view_name, comment FROM duckdb_views()"
            " WHERE NOT internal AND database_name = current_database()"
            " UNION ALL SELECT function_name, comment FROM duckdb_functions()"
            " WHERE function_type = 'table_macro' AND database_name = current_database()"
        ).fetchall()
    )
    assert found == {entry.name: entry.description for entry in ENTRIES.values()}
    assert all(found.values())


def test_every_column_has_its_comment_and_type(catalogue):
    rows = catalogue.execute(
        "SELECT table_name, column_name, replace(data_type, 'TIMESTAMP WITH TIME ZONE',"
        " 'TIMESTAMPTZ'), comment FROM duckdb_columns() WHERE NOT internal"
        " AND database_name = current_database() ORDER BY table_name, column_index"
    ).fetchall()
    assert rows == [
        (entry.name, column.name, column.type, column.description)
        for entry in sorted(ENTRIES.values(), key=lambda entry: entry.name)
        if entry.kind != "macro"
        for column in entry.columns
    ]
    assert all(comment for *_, comment in rows)


def test_dagster_shows_the_columns_of_every_table_and_mart(settings):
    graph = build_definitions(settings, datasets=datasets()).resolve_asset_graph()
    shown = {}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        if "bronze" not in node.kinds:
            columns = node.metadata["dagster/column_schema"].columns
            shown[key.to_user_string()] = (
                node.description.partition("\n\n")[0],
                [(column.name, column.type, column.description) for column in columns],
            )
    assert shown == {
        entry.name: (
            entry.description,
            [(column.name, column.type, column.description) for column in entry.columns],
        )
        for entry in ENTRIES.values()
        if entry.group and entry.kind != "macro"
    }
    assert graph.get(dg.AssetKey("half_hourly_balance")).group_name == "marts"


def test_the_dictionary_has_every_column_with_its_type_and_unit():
    lines = dictionary().splitlines()
    for entry in ENTRIES.values():
        if entry.kind == "version view":
            assert any(f"`{entry.name}` has the same columns" in line for line in lines)
            continue
        section = lines[lines.index(f"## {entry.name}") :]
        assert entry.description in section[2]
        for column in entry.columns:
            start = f"| `{column.name}` | {column.type} | {column.unit} |"
            (row, *_) = (line for line in section if line.startswith(start))
            assert column.description.replace("|", "\\|") in row


def test_units_follow_from_names():
    assert {name: unit_of(name) for name in (
        "solar_kwh", "power_w", "battery_percent", "import_pence_per_kwh", "temperature_celsius",
        "s", "grid_import_cost_gbp", "usable_kwh_per_year", "serial", "power_factor_1",
    )} == {
        "solar_kwh": "kWh", "power_w": "W", "battery_percent": "%",
        "import_pence_per_kwh": "pence/kWh", "temperature_celsius": "°C", "s": "",
        "grid_import_cost_gbp": "GBP", "usable_kwh_per_year": "kWh/year", "serial": "",
        "power_factor_1": "",
    }  # fmt: skip


def test_a_version_view_has_the_columns_of_its_table():
    flows, superseded = ENTRIES["energy_flows"], ENTRIES["energy_flows_superseded"]
    assert superseded.columns == flows.columns
    assert flows.key == ("inverter_serial", "start_at")
    assert flows.source == "POST /inverter/{inverter}/energy-flows"
    assert ENTRIES["inverters"].key == (*ENTRIES["inverters_now"].key, "valid_from")
