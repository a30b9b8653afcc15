"""Exports: a DuckDB file that explains itself anywhere, every table limited to some devices."""

import csv
import json
from datetime import date

import click
import duckdb
import pyarrow.parquet as pq
import pytest

from assets.catalogue_views import derived_views
from assets.registry import datasets
from pipelines.cli.completion_values import complete_value
from pipelines.cli.help_texts import light_command
from pipelines.device_columns import device_columns
from pipelines.device_lookup import UnknownDeviceError, resolve_devices
from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner
from warehouse import owner_inputs

RANGE = ("--start", "2025-06-01", "--end", "2025-06-02")
DAY = date(2025, 6, 1)
TOLD = set(owner_inputs.SCHEMAS)
WITHOUT_DEVICE = {"codes", *TOLD} - {"device_roles_set"}
COPIED = {
    "coverage", "quarantine", "requests", "pending_responses", "codes", "expected_days", "findings",
    "row_accounting", *TOLD,
}  # fmt: skip
OF_THE_ACCOUNT = {
    "account_children", "accounts", "lock_settings", "site_energy_readings", "site_readings",
    "site_statuses", "sites", "sso_accounts", "tariff_automation", "tariff_automation_settings",
    "tariff_scheduler_slots",
}  # fmt: skip
HISTORIES = {
    table.name
    for dataset in datasets()
    for table in dataset.output_tables
    if table.unversioned_columns is not None
}
TABLES = {table.name for dataset in datasets() for table in dataset.output_tables}
VIEWS = {f"{name}_now" for name in HISTORIES} | {
    view.name for view in derived_views() if not view.parameters
}


@pytest.fixture(scope="module")
def sim():
    settings = SimulatorConfig(
        inverters=2, ev_chargers=3, rows_per_day=60, commissioned=date(2025, 5, 1),
        empty_day_rate=0.0, ev_points_every_s=3600, rate_limit=100_000, gateways=0,
    )  # fmt: skip
    with Simulator(settings) as sim:
        for serial in sim.serials:
            rows = sim.truth(serial, DAY)
            rows[3]["time"] = None
            sim.set_rows(serial, DAY, rows)
        yield sim


@pytest.fixture(scope="module")
def owner(sim, tmp_path_factory):
    """Give an owner with two days, quarantined rows, and aliases of chargers."""
    chosen = {
        "GIVENERGY_API_URL": sim.base_url,
        "GIVLAKE_DATASETS": "accounts,ev_chargers,ev_charging_sessions,inverter_data_points,"
        "inverter_presets,sites",
        "GIVLAKE_KEEP_PERSONAL": "ev_chargers:data[].alias",
    }
    owner = Owner(tmp_path_factory.mktemp("owner"), chosen, token=sim.token)
    done = owner.givlake("backfill", *RANGE)
    assert done.status == 0, done.output
    return owner


@pytest.fixture(scope="module")
def whole(owner, tmp_path_factory):
    """Give the only file of an export, in a folder of its own."""
    assert owner.givlake("export", "--to", "whole.duckdb", "--format", "duckdb").status == 0
    folder = tmp_path_factory.mktemp("elsewhere")
    return (owner.folder / "whole.duckdb").rename(folder / "history.db")


def rows_of(file, sql):
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.sql(sql).fetchall()


def counts_of(file):
    """Count the rows of every table and view, each by a statement: one for all takes five times."""
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {
            name: connection.sql(f"SELECT count(*) FROM {name}").fetchall()[0][0]
            for name in sorted(TABLES | COPIED | VIEWS)
        }


@pytest.mark.slow
def test_every_table_and_column_of_a_duckdb_file_is_described(whole, owner):
    tables = dict(rows_of(whole, "SELECT table_name, comment FROM duckdb_tables()"))
    assert tables.keys() == TABLES | COPIED | {"data_dictionary", "manifest"}
    assert [name for name, comment in tables.items() if not comment] == []
    views = dict(rows_of(whole, "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"))
    assert views.keys() == VIEWS
    assert [name for name, comment in views.items() if not comment] == []
    sql = (
        "SELECT table_name, column_name, comment FROM duckdb_columns()"
        " WHERE NOT internal AND schema_name = 'main' ORDER BY ALL"
    )
    exported = {(table, column): comment for table, column, comment in rows_of(whole, sql)}
    assert [names for names, comment in exported.items() if not comment] == []
    catalogue = {
        (row["table_name"], row["column_name"]): row["comment"]
        for row in owner.sql(sql)
        if row["comment"] and (row["table_name"], row["column_name"]) in exported
    }
    assert len(catalogue) > 500
    assert {names: exported[names] for names in catalogue} == catalogue


@pytest.mark.slow
def test_every_table_and_view_has_the_rows_of_the_catalogue(whole, owner):
    """The file stands alone: nothing in it refers to the data folder."""
    expected = counts_of(owner.data / "warehouse.duckdb")
    hidden = owner.data.rename(owner.data.with_name("hidden"))
    try:
        assert counts_of(whole) == expected
    finally:
        hidden.rename(owner.data)
    for name in ("inverter_data_points", "quarantine", "coverage", "codes", "reconcile_power"):
        assert expected[name] > 0, name
    for (sql,) in rows_of(whole, "SELECT sql FROM duckdb_views() WHERE NOT internal"):
        assert str(owner.folder) not in sql
        assert "read_parquet" not in sql


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["parquet", "csv"])
def test_quarantine_coverage_and_codes_are_in_every_format(owner, tmp_path, layout):
    assert owner.givlake("export", "--to", tmp_path / "x", "--format", layout).status == 0
    for name in COPIED:
        file = tmp_path / "x" / f"{name}.{layout}"
        if layout == "parquet":
            count = pq.read_metadata(file).num_rows
        else:
            with file.open(newline="", encoding="utf-8") as text:
                count = sum(1 for _ in csv.DictReader(text))
        (row,) = owner.sql(f"SELECT count(*) AS rows FROM {name}")
        assert (name, count) == (name, row["rows"])


@pytest.mark.slow
def test_views_over_tables_that_are_not_exported_are_left_out(owner, tmp_path):
    file = tmp_path / "points.duckdb"
    only = ("--dataset", "inverter_data_points")
    assert owner.givlake("export", "--to", file, "--format", "duckdb", *only).status == 0
    views = {name for (name,) in rows_of(file, "SELECT view_name FROM duckdb_views()")} & VIEWS
    assert "reconcile_power" in views
    assert "reconcile_flows" not in views
    assert "inverters_now" not in views


def test_every_table_has_a_column_of_its_device_or_is_about_the_account():
    assert device_columns().keys() == TABLES - OF_THE_ACCOUNT


@pytest.mark.slow
def test_a_device_limits_every_table(sim, owner, tmp_path):
    chosen, _ = sim.serials
    file = tmp_path / "one.duckdb"
    limits = ("--device", chosen.lower(), "--start", "2025-06", "--end", "2025-06-01")
    done = owner.givlake("export", "--to", file, "--format", "duckdb", *limits)
    assert done.status == 0, done.output
    assert f"Limited to {chosen}; coverage, requests and quarantine are without the" in done.out
    about = ", ".join(sorted(OF_THE_ACCOUNT))
    assert f"Whole, as they are about the account: {about}." in done.out
    columns = device_columns() | dict.fromkeys(COPIED - WITHOUT_DEVICE, "device_id")
    for table, column in columns.items():
        assert set(rows_of(file, f"SELECT DISTINCT {column} FROM {table}")) <= {(chosen,)}, table
    points = "SELECT count(*), min(local_date), max(local_date) FROM inverter_data_points"
    ((count, *ends),) = rows_of(file, points)
    (expected,) = owner.sql(
        "SELECT count(*) AS rows FROM inverter_data_points"
        f" WHERE inverter_serial = '{chosen}' AND local_date = '2025-06-01'"
    )
    assert (count, ends) == (expected["rows"], [DAY, DAY])
    for table in ("inverters", "batteries", "inverter_presets", "communication_devices"):
        assert rows_of(file, f"SELECT count(*) > 0 FROM {table}") == [(True,)], table
    for table in ("quarantine", "coverage", "requests"):
        assert rows_of(file, f"SELECT count(*) > 0 FROM {table}") == [(True,)], table
    ((codes,),) = rows_of(file, "SELECT count(*) FROM codes")
    assert codes == owner.sql("SELECT count(*) AS rows FROM codes")[0]["rows"]
    (text,) = rows_of(file, "SELECT manifest FROM manifest")[0]
    manifest = json.loads(text)
    assert manifest["devices"] == [chosen]
    (entry,) = manifest["tables"]["inverter_data_points"]["devices"]
    assert (entry["device"], entry["rows"]) == (chosen, count)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["csv", "json"])
def test_no_other_device_is_named_in_a_limited_export(sim, owner, tmp_path, layout):
    chosen, other = sim.serials
    target = tmp_path / "x"
    done = owner.givlake("export", "--to", target, "--format", layout, "--device", chosen)
    assert done.status == 0, done.output
    files = [path for path in target.rglob("*") if path.is_file()]
    assert any(chosen.encode() in path.read_bytes() for path in files)
    others = [other, *sim.charger_uuids]
    found = [
        (path.name, name)
        for path in files
        for name in others
        if name.encode() in path.read_bytes() or name in str(path)
    ]
    assert found == []
    # The battery of the other inverter, too.
    (battery,) = owner.sql(
        f"SELECT battery_id FROM batteries_now WHERE inverter_serial = '{other}'"
    )
    assert not any(battery["battery_id"].encode() in path.read_bytes() for path in files)


@pytest.mark.slow
def test_a_charger_is_named_by_its_alias_or_serial_number(sim, owner, tmp_path):
    (charger,) = owner.sql(
        "SELECT charger_uuid, serial_number, alias FROM ev_chargers_now WHERE alias = 'Garage'"
    )
    for number, name in enumerate((charger["alias"], charger["serial_number"])):
        done = owner.givlake("export", "--to", tmp_path / f"{number}", "--device", name)
        assert done.status == 0, done.output
        table = pq.read_table(tmp_path / f"{number}" / "ev_charging_sessions.parquet")
        assert set(table["charger_uuid"].to_pylist()) == {charger["charger_uuid"]}
        chargers = pq.read_table(tmp_path / f"{number}" / "ev_chargers.parquet")
        assert set(chargers["charger_uuid"].to_pylist()) == {charger["charger_uuid"]}


@pytest.mark.slow
def test_a_shell_completes_the_names_that_an_export_takes(sim, owner, monkeypatch):
    def completed(command, incomplete):
        real = light_command(command, complete_value)
        (option,) = (option for option in real.params if option.name == "device")
        with owner.environment_set():
            context = click.Context(real, info_name=command)
            return [item.value for item in complete_value(context, option, incomplete)]

    assert completed("export", "Gar") == ["Garage"]
    assert completed("backfill", "Gar") == []
    assert completed("export", "EV") == ["EV Charger 1"]
    monkeypatch.setitem(owner.settings, "_GIVLAKE_COMPLETE", "bash_complete")
    assert completed("export", "EV") == ["'EV Charger 1'"]
    assert completed("export", sim.serials[0][:2]) == sim.serials


@pytest.mark.slow
def test_a_device_that_is_not_known_is_one_sentence(sim, owner, tmp_path):
    serial = sim.serials[0]
    for name, sentence in (
        (f"{serial}X", f"Unknown device '{serial}X'. Did you mean {serial}"),
        ("nobody", "Unknown device 'nobody': the data folder has "),
    ):
        done = owner.givlake("export", "--to", tmp_path / "x", "--device", name)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(f"givlake: {sentence}")
        assert len(done.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_names_are_resolved_exactly_first_and_then_in_any_capitals():
    names = {"A1": {"A1"}, "a1": {"B2"}, "B2": {"B2"}, "Home": {"A1", "B2"}}
    assert resolve_devices(["A1"], names) == ["A1"]
    assert resolve_devices(["a1", "b2", "B2"], names) == ["B2"]
    with pytest.raises(UnknownDeviceError) as several:
        resolve_devices(["home"], names)
    assert f"{several.value}" == (
        "Several devices have the name 'home': name one of A1, B2 instead."
    )
