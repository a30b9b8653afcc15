"""Polled readings of inverters: every leaf, odd content, what is no reading, a row per reading."""

import json
from datetime import UTC, date, datetime

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.inverter_meter_readings import DATASET as METER
from assets.inverter_system_readings import DATASET as SYSTEM
from tests.support.api_examples import example, needs_shared, recorded
from tests.support.simulated_home import decode, leaves, rows_of


def system(**changes):
    return {
        "time": "2025-06-30T23:30:00Z",
        "status": "Normal",
        "solar": {
            "power": 1200,
            "arrays": [{"array": 1, "voltage": 310.5, "current": 3.9, "power": 1200}],
        },
        "grid": {"voltage": 241.2, "current": 4.5, "power": -80, "frequency": 50.02},
        "battery": {"percent": 64, "power": -700, "temperature": 19.5},
        "inverter": {
            "temperature": 33.1,
            "power": 480,
            "output_voltage": 240.9,
            "output_frequency": 50.01,
            "eps_power": 0,
        },
        "consumption": 560,
        **changes,
    }


def energy(base):
    return {
        "solar": base + 1,
        "grid": {"import": base + 2, "export": base + 3},
        "battery": {"charge": base + 4, "discharge": base + 5},
        "consumption": base + 6,
        "ac_charge": base + 7,
    }


def meter(**changes):
    time = "2025-06-30T23:30:00Z"
    return {
        "time": time, "today": energy(0.5), "total": energy(100), "is_metered": False, **changes
    }  # fmt: skip


NO_SYSTEM = system(
    status="Unknown",
    solar={"power": None, "arrays": []},
    grid=dict.fromkeys(("voltage", "current", "power", "frequency")),
    battery={},
    inverter=None,
    consumption=None,
)


def test_each_leaf_of_a_system_reading_is_a_column():
    (row,) = rows_of(decode(SYSTEM, {"data": system()}), "inverter_system_readings")
    assert row == {
        "inverter_serial": "SIM0001",
        "time": datetime(2025, 6, 30, 23, 30, tzinfo=UTC),
        "local_time": datetime(2025, 7, 1, 0, 30),
        "local_date": date(2025, 7, 1),
        "status": "Normal",
        "status_name": "NORMAL",
        "solar_power_w": 1200.0,
        "pv_arrays": [{"array": 1, "voltage_v": 310.5, "current_a": 3.9, "power_w": 1200.0}],
        "grid_voltage_v": 241.2,
        "grid_current_a": 4.5,
        "grid_power_w": -80.0,
        "grid_frequency_hz": 50.02,
        "battery_percent": 64.0,
        "battery_power_w": -700.0,
        "battery_temperature_celsius": 19.5,
        "battery_voltage_v": None,
        "consumption_power_w": 560.0,
        "inverter_temperature_celsius": 33.1,
        "inverter_power_w": 480.0,
        "inverter_output_voltage_v": 240.9,
        "inverter_output_frequency_hz": 50.01,
        "inverter_eps_power_w": 0.0,
        "extra_fields": None,
    }


def test_each_leaf_of_a_meter_reading_is_a_column():
    (row,) = rows_of(decode(METER, {"data": meter()}), "inverter_meter_readings")
    names = (
        "solar", "grid_import", "grid_export", "battery_charge", "battery_discharge",
        "consumption", "ac_charge",
    )  # fmt: skip
    today = {f"today_{name}_kwh": 0.5 + number for number, name in enumerate(names, 1)}
    total = {f"total_{name}_kwh": 100.0 + number for number, name in enumerate(names, 1)}
    assert row == {
        "inverter_serial": "SIM0001",
        "time": datetime(2025, 6, 30, 23, 30, tzinfo=UTC),
        "local_time": datetime(2025, 7, 1, 0, 30),
        "local_date": date(2025, 7, 1),
        **today,
        **total,
        "is_metered": False,
        "extra_fields": None,
    }


@pytest.mark.parametrize(
    ("dataset", "answer"),
    [
        (SYSTEM, NO_SYSTEM),
        (SYSTEM, system() | NO_SYSTEM | {"solar": {"arrays": [{"array": 1, "voltage": None}]}}),
        (METER, meter(today={}, total=None, is_metered=True)),
    ],
    ids=["system", "system with an array of nulls", "meter"],
)
def test_a_response_of_nulls_is_no_reading(dataset, answer):
    decoded = decode(dataset, {"data": answer}, {"data": answer})
    assert rows_of(decoded, dataset.name) == []
    found = decoded.quarantine.to_pylist()
    assert [(row["reason"], row["value"], row["raw"]) for row in found] == [
        ("no_reading", "", "")
    ] * 2


@pytest.mark.parametrize("time", [None, "soon", "2025-06-30T23:30:00"])
@pytest.mark.parametrize(("dataset", "make"), [(SYSTEM, system), (METER, meter)])
def test_a_reading_without_a_time_goes_to_quarantine_as_it_came(dataset, make, time):
    answer = make(time=time)
    decoded = decode(dataset, {"data": answer})
    assert rows_of(decoded, dataset.name) == []
    (row,) = decoded.quarantine.to_pylist()
    assert (row["reason"], row["column"]) == ("not_decodable", "time")
    assert json.loads(row["raw"]) == answer


def test_odd_leaves_are_kept_and_counted():
    answer = system(
        status="HIBERNATING",
        grid={"voltage": "240.5", "power": None, "phase": 3},
        consumption=" 12 ",
    )
    decoded = decode(SYSTEM, {"data": answer})
    (row,) = rows_of(decoded, "inverter_system_readings")
    assert row["status_name"] == "unknown (HIBERNATING)"
    assert row["grid_voltage_v"] == 240.5
    assert row["grid_power_w"] is None
    assert row["consumption_power_w"] == 12.0
    assert json.loads(row["extra_fields"]) == {"grid.phase": 3}
    assert {(drift.kind, drift.field) for drift in decoded.drift} == {
        ("unknown_code", "status"),
        ("changed_type", "grid.voltage"),
        ("changed_type", "consumption"),
        ("new_field", "grid.phase"),
    }


@pytest.mark.parametrize("data", [[], {}, "text", 5])
def test_a_response_of_another_shape_is_accounted_for(data):
    decoded = decode(SYSTEM, {"data": data})
    assert rows_of(decoded, "inverter_system_readings") == []
    assert len(decoded.quarantine) == 1


def assert_every_leaf_has_landed(dataset, reading):
    """Each JSON leaf has a column of its own, with its value."""
    (row,) = rows_of(decode(dataset, {"data": reading}, any_time=True), dataset.name)
    by_source = {column.source: name for name, column in dataset.main.schema.columns.items()}
    arrays = row.get("pv_arrays") or []
    for path, value in leaves(reading):
        if path.startswith("solar.arrays["):
            number, _, field = path.removeprefix("solar.arrays[").partition("].")
            unit = {"array": "", "voltage": "_v", "current": "_a", "power": "_w"}[field]
            assert arrays[int(number)][field + unit] == value
        elif path == "time":
            assert row["time"] == datetime.fromisoformat(value)
        else:
            assert row[by_source[path]] == value, path
    assert row["extra_fields"] is None


@needs_shared
@pytest.mark.parametrize(
    ("dataset", "title"), [(SYSTEM, "Get Latest System Data"), (METER, "Get Latest Meter Data")]
)
def test_the_documents_example_lands_whole(dataset, title):
    assert_every_leaf_has_landed(dataset, example(title)["data"])


@needs_shared
@pytest.mark.parametrize(
    ("dataset", "name"), [(SYSTEM, "system_data_latest"), (METER, "meter_data_latest")]
)
def test_the_recorded_reading_lands_whole(dataset, name):
    assert_every_leaf_has_landed(dataset, recorded(name)["data"])


@needs_shared
def test_the_recorded_nulls_of_a_gateway_are_no_reading():
    decoded = decode(SYSTEM, recorded("system_data_latest_gateway_nulls"))
    assert [row["reason"] for row in decoded.quarantine.to_pylist()] == ["no_reading"]


@pytest.mark.slow_but_first
@pytest.mark.parametrize(
    ("dataset", "listing", "tail"),
    [(SYSTEM, "system-data", "system-data"), (METER, "meter-data", "meter-data")],
)
def test_polls_fill_one_row_for_each_reading(home, dataset, listing, tail):
    at_home = home(ems=1)
    sim = at_home.simulator
    sim.set_clock(datetime(2025, 6, 1, 12, 0, tzinfo=UTC))
    times = []
    for minute in (0, 1, 40):
        sim.set_clock(datetime(2025, 6, 1, 12, minute, tzinfo=UTC))
        report = at_home.refresh(dataset, lists=(COMMUNICATION_DEVICES,))
        assert report.failures == []
        times += [(s, sim.truth_of(listing, s)[0]["time"]) for s in sim.serials]
        # An EMS stands in the same list and is not asked.
        assert sorted(at_home.paths()) == sorted(
            f"/inverter/{serial}/{tail}/latest" for serial in sim.serials
        )
    found = at_home.rows(f"SELECT inverter_serial, time FROM {dataset.name} ORDER BY ALL")
    expected = sorted({(serial, datetime.fromisoformat(time)) for serial, time in times})
    assert [(row["inverter_serial"], row["time"]) for row in found] == expected
    assert len(expected) < len(times)


@pytest.mark.slow
def test_repeated_responses_of_nulls_are_one_row_of_quarantine(home):
    at_home = home(inverters=1, anomalies={"null_snapshot": 1.0})
    for _ in range(2):
        at_home.refresh(SYSTEM, lists=(COMMUNICATION_DEVICES,))
    (row,) = at_home.rows("SELECT reason, times_seen FROM quarantine")
    assert row == {"reason": "no_reading", "times_seen": 2}
    assert at_home.rows("FROM inverter_system_readings") == []
