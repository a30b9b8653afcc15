"""Reading what is there: queries in every format, status for programs, tables built anew."""

import csv
import io
import json
import subprocess
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner
from tests.support.simulator_truth import assert_same, days_between, expected_rows
from tests.support.timeouts import TIMEOUT_S

DAYS = days_between(date(2025, 6, 1), date(2025, 6, 3))
RANGE = ("--start", DAYS[0], "--end", DAYS[-1])
QUERY = "SELECT inverter_serial, time, grid_voltage_v, pv_arrays FROM inverter_data_points"


@pytest.fixture(scope="module")
def sim():
    settings = SimulatorConfig(
        inverters=2, rows_per_day=60, commissioned=date(2024, 1, 1), empty_day_rate=0.0
    )
    with Simulator(settings) as sim:
        yield sim


@pytest.fixture(scope="module")
def owner(sim, tmp_path_factory):
    """Give an owner who has three days; the tests leave the data as they find it."""
    folder = tmp_path_factory.mktemp("owner")
    owner = Owner(folder, {"GIVENERGY_API_URL": sim.base_url}, token=sim.token)
    assert owner.givlake("backfill", *RANGE).status == 0
    return owner


@pytest.mark.processes
def test_a_query_gives_the_same_rows_in_every_format(sim, owner):
    wanted = {
        (serial, time): (row["grid_voltage_v"], row["pv_arrays"])
        for (serial, time), row in expected_rows(sim, sim.serials, DAYS).items()
    }
    process = owner.start("query", QUERY, "--format", "parquet")
    packed, _ = process.communicate(timeout=TIMEOUT_S)
    table = pq.read_table(pa.BufferReader(packed))
    assert table.schema.field("time").type == pa.timestamp("us", tz="UTC")
    assert {
        (row["inverter_serial"], row["time"]): (row["grid_voltage_v"], row["pv_arrays"])
        for row in table.to_pylist()
    } == wanted

    rows = json.loads(owner.givlake("query", QUERY, "--format", "json").out)
    voltages = {(row["inverter_serial"], row["grid_voltage_v"]) for row in rows}
    assert len(rows) == len(wanted)
    assert voltages == {(serial, voltage) for (serial, _), (voltage, _) in wanted.items()}
    assert rows[0]["pv_arrays"][0].keys() == {"array", "voltage_v", "current_a", "power_w"}

    text = owner.givlake("query", QUERY, "--format", "csv").out
    lines = list(csv.DictReader(io.StringIO(text)))
    assert len(lines) == len(wanted)
    assert {(line["inverter_serial"], float(line["grid_voltage_v"])) for line in lines} == voltages

    shown = owner.givlake("query", "SELECT count(*) AS rows_there FROM inverter_data_points;")
    assert [line.strip("│ ") for line in shown.out.splitlines()[1:5:3]] == [
        "rows_there", f"{len(wanted)}"
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.processes
def test_a_query_whose_reader_goes_away_ends_without_complaint(owner):
    process = owner.start("query", "SELECT * FROM range(3000000)", "--format", "csv")
    process.stdout.read(10)
    process.stdout.close()
    process.stdout = None
    try:
        _, err = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert b"Traceback" not in err


def test_status_for_programs_has_the_right_numbers(sim, owner):
    done = owner.givlake("status", "--format", "json")
    assert done.status == 1  # Since commissioning there are days that nobody has asked for.
    found, lists = json.loads(done.out)
    assert lists["dataset"] == "communication_devices"
    assert [asked["state"] for asked in lists["last_requests"]] == ["complete"]
    assert found["dataset"] == "inverter_data_points"
    assert found["days_by_state"]["complete"] == 6
    assert [device["device_id"] for device in found["devices"]] == sim.serials
    for device in found["devices"]:
        expected = len(expected_rows(sim, [device["device_id"]], DAYS))
        sent = sum(len(sim.truth(device["device_id"], day)) for day in DAYS)
        assert expected <= device["rows"] <= sent
        assert device["months"]["2025-06"] == {"complete": 3, "not_requested": 27}
        after, before = device["missing"]
        assert (before["first"], before["last"]) == ("2024-01-01", "2025-05-31")
        assert (after["first"], after["state"]) == ("2025-06-04", "not_requested")
    table = owner.givlake("status")
    assert table.status == 1
    assert "--start 2024-01-01 --end 2025-05-31" in table.out


def test_tables_are_built_again_from_the_archive_without_the_network(sim, owner):
    before = owner.sql("FROM inverter_data_points ORDER BY inverter_serial, time")
    devices = owner.sql("FROM communication_devices ORDER BY 1")
    requests = len(sim.requests)
    for file in (owner.data / "tables").rglob("*.parquet"):
        if "month" in str(file):
            file.unlink()
    done = owner.givlake("rebuild")
    assert done.status == 0
    assert "inverter_data_points: 6 responses" in done.out
    assert owner.sql("FROM inverter_data_points ORDER BY inverter_serial, time") == before
    assert owner.sql("FROM communication_devices ORDER BY 1") == devices
    assert_same(owner.rows(), expected_rows(sim, sim.serials, DAYS))
    assert len(sim.requests) == requests
