"""`givlake describe`: tables, marts and columns, without a data folder and without Dagster."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from assets.catalogue_entries import catalogue_entries
from tests.support.owner import Owner
from tests.support.timeouts import TIMEOUT_S


@pytest.fixture
def owner(tmp_path):
    return Owner(tmp_path, {"COLUMNS": "80"}, token=None)


def test_without_a_name_it_lists_all_but_the_views_of_versions(owner):
    done = owner.givlake("describe")
    assert done.status == 0, done.output
    described = {
        entry.name: entry.description
        for entry in catalogue_entries().values()
        if entry.kind != "version view"
    }
    lines = [line.rstrip().split(maxsplit=1) for line in done.out.splitlines()]
    listed = {line[0]: line[1] for line in lines if len(line) == 2 and line[0] in described}
    assert listed == described
    assert [line[0] for line in lines if len(line) == 1] == ["Marts:", "Tables:"]
    assert not owner.data.exists()


def test_a_name_gives_columns_types_key_and_source(owner):
    done = owner.givlake("describe", "Energy_Flows")
    assert done.status == 0, done.output
    text = done.out
    assert text.startswith("energy_flows, a table: Energy that flowed between PV")
    assert "Source: `POST /inverter/{inverter}/energy-flows`." in text
    assert "One row per `inverter_serial` and `start_at`." in text
    rows = [
        line.rstrip().split(maxsplit=2) for line in text.partition("columns:\n")[2].splitlines()
    ]
    assert ["inverter_serial", "VARCHAR", "Inverter: Serial number of the inverter."] in rows
    assert ["pv_to_home_kwh", "DOUBLE"] in [row[:2] for row in rows]
    mart = owner.givlake("describe", "gaps").out
    assert "gaps, a mart: More than 30 minutes without a point" in mart
    assert "Key: inverter_serial, last_point_at." in mart
    assert "Reads: coverage, inverter_data_points, pending_responses." in mart
    assert "A counter that fell" in mart


def test_json_and_csv_have_everything(owner):
    gaps = json.loads(owner.givlake("describe", "gaps", "--format", "json").out)
    assert (gaps["kind"], gaps["key"]) == ("mart", ["inverter_serial", "last_point_at"])
    duration = next(column for column in gaps["columns"] if column["name"] == "duration_s")
    assert duration == {
        "name": "duration_s",
        "type": "DOUBLE",
        "unit": "s",
        "description": "Duration of the gap, s.",
        "source": "",
        "is_nullable": True,
    }
    rows = [*csv.DictReader(owner.givlake("describe", "gaps", "--format", "csv").out.splitlines())]
    assert [row["name"] for row in rows] == [column["name"] for column in gaps["columns"]]
    listed = json.loads(owner.givlake("describe", "--format", "json").out)
    assert [row["name"] for row in listed] == [*catalogue_entries()]
    lines = owner.givlake("describe", "--format", "csv").out.splitlines()
    assert lines[0] == "name,kind,group,description"
    assert len(lines) == 1 + len(listed)


@pytest.mark.slow
def test_columns_of_money_have_the_currency_of_the_data_folder(owner, tmp_path):
    def money(**settings: str) -> set[tuple[str, str]]:
        owner.settings.update(settings)
        entry = json.loads(owner.givlake("describe", "payback", "--format", "json").out)
        return {
            (each["name"], each["unit"]) for each in entry["columns"] if "saved" in each["name"]
        }

    before = money()
    assert before >= {("saved_gbp", "GBP")}
    toml = tmp_path / "flat.toml"
    toml.write_text(
        'name = "flat"\ncurrency = "EUR"\n[[period]]\nfrom = 2025-01-01\nimport = [{ price = 25 }]'
    )
    assert owner.givlake("tariffs", "load", toml).status == 0
    assert money() == {
        (name.replace("gbp", "eur"), unit.replace("GBP", "EUR")) for name, unit in before
    }
    # What is described needs no folder, nor one that can be used.
    assert money(GIVLAKE_DATA=str(toml)) == before
    assert money(GIVLAKE_RETRY_S="x") == before


@pytest.mark.slow
@pytest.mark.processes
def test_it_fits_80_columns_of_a_terminal_and_imports_no_dagster(owner):
    """Of a terminal of 80 columns; a file has lines of any length."""
    code = (
        "import sys; sys.stdout.isatty = lambda: True\n"
        "sys.argv = ['givlake', 'describe', *sys.argv[1:]]\n"
        "from pipelines.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('dagster' in sys.modules, file=sys.stderr)"
    )
    for names in ((), ("inverter_data_points",), ("half_hourly_balance_from_points",)):
        done = subprocess.run(
            [sys.executable, "-c", code, *names],
            env=owner.environment | {"TERM": "dumb"}, cwd=Path(__file__).parents[2],
            capture_output=True, text=True, timeout=TIMEOUT_S, check=True,
        )  # fmt: skip
        assert done.stderr == "False\n"
        assert max(len(line.rstrip()) for line in done.stdout.splitlines()) <= 80
