"""Latest system and meter data: the newest point in other shapes, and a snapshot that is null."""

import datetime as dt

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant
from tests.simulator.recorded_samples import ABSENT, leaves, sample

NOW = dt.datetime(2024, 7, 10, 12, 10, tzinfo=dt.UTC)
HOUSE, GATEWAY = "XA0000G000", "XA0000G002"
SYSTEM = f"/inverter/{HOUSE}/system-data/latest"
METER = f"/inverter/{HOUSE}/meter-data/latest"


def config(**settings):
    return SimulatorConfig(
        **{
            "empty_day_rate": 0,
            "clock": NOW,
            "commissioned": dt.date(2022, 5, 10),
            "rate_limit": 10_000,
            **settings,
        }
    )


@pytest.fixture(scope="module")
def sim():
    with Simulator(config()) as simulator:
        yield simulator


def test_system_data_is_the_newest_point(sim, ask):
    point = sim.truth(HOUSE, "2024-07-10")[-1]
    power = point["power"]
    battery = {name: power["battery"][name] for name in ("percent", "power", "temperature")}
    assert ask(sim, SYSTEM).json() == {
        "data": {
            "time": point["time"],
            "status": point["status"].capitalize(),
            "solar": power["solar"],
            "grid": power["grid"],
            "battery": battery,
            "inverter": power["inverter"],
            "consumption": power["consumption"]["power"],
        }
    }
    assert [ask(sim, SYSTEM).json()["data"]] == sim.truth_of("system-data", HOUSE)


def test_meter_data_is_the_newest_point(sim, ask):
    point = sim.truth(HOUSE, "2024-07-10")[-1]
    shown = ask(sim, METER).json()
    assert shown == {"data": {k: point[k] for k in ("time", "today", "total", "is_metered")}}
    assert [shown["data"]] == sim.truth_of("meter-data", HOUSE)


def test_readings_move_with_the_clock(ask):
    with Simulator(config()) as sim:
        times = []
        for minutes in range(0, 60, 10):
            sim.set_clock(NOW + dt.timedelta(minutes=minutes))
            times.append(ask(sim, SYSTEM).json()["data"]["time"])
        assert times == sorted(times)
        assert len(set(times)) >= 5
        assert all(time < "2024-07-10T13:10:00Z" for time in times)


def test_after_midnight_the_last_reading_is_yesterdays(ask):
    with Simulator(config(clock=dt.datetime(2024, 7, 9, 23, 0, 1, tzinfo=dt.UTC))) as sim:
        assert sim.truth(HOUSE, "2024-07-10") == []
        assert ask(sim, SYSTEM).json()["data"]["time"].startswith("2024-07-09T22:")


def test_status_casing_differs_from_that_of_points(sim):
    seen = set()
    for hour in range(24):
        sim.set_clock(NOW.replace(hour=hour))
        seen.add(sim.truth_of("system-data", HOUSE)[0]["status"])
    sim.set_clock(NOW)
    assert "Normal" in seen
    assert not seen & {"NORMAL", "WAITING"}


def test_a_gateway_is_null_now_and_then_and_never_knows_its_percentage():
    sim = Simulator(config())
    rows = []
    for step in range(200):
        sim.set_clock(NOW + dt.timedelta(minutes=30 * step))
        rows += sim.truth_of("system-data", GATEWAY)
    null = [row for row in rows if row["solar"]["power"] is None and row["consumption"] is None]
    assert 1 <= len(null) <= 12
    assert {row["status"] for row in null} == {"Unknown"}
    assert {row["battery"]["percent"] for row in rows} == {None}


def test_null_snapshot_as_an_anomaly(ask):
    with Simulator(config(anomalies={"null_snapshot": 1})) as sim:
        row = ask(sim, SYSTEM).json()["data"]
        time = row.pop("time")
        assert time == sim.truth(HOUSE, "2024-07-10")[-1]["time"]
        assert row.pop("status") == "Unknown"
        assert {kind for _, kind in leaves(row)} == {"null"}
        assert row["solar"] == {"power": None, "arrays": []}
        assert ask(sim, METER).json()["data"]["total"]["solar"] > 0


@pytest.mark.parametrize("kind", ["nested_null", "not_an_object", "missing_time", "wrong_types"])
def test_anomalous_points_do_not_break_the_latest_reading(ask, kind):
    with Simulator(config(anomalies={kind: 1})) as sim:
        status = ask(sim, SYSTEM).status_code
        assert status == (404 if kind in ("not_an_object", "missing_time") else 200)


def test_access(ask):
    tokens = (
        TokenGrant("all"),
        TokenGrant("data", scopes=frozenset({"api:inverter:data"})),
        TokenGrant("other", account=2),
    )
    with Simulator(config(tokens=tokens, gone=1, unavailable=frozenset({"meter-data"}))) as sim:
        assert ask(sim, METER).status_code == 404
        assert ask(sim, SYSTEM, token="data").status_code == 403
        assert ask(sim, SYSTEM, token="other").status_code == 403
        gone = next(device.serial for device in sim.devices if device.gone)
        for serial in ("XX", gone):
            assert ask(sim, f"/inverter/{serial}/system-data/latest").status_code == 404


def test_a_device_not_yet_commissioned_has_no_reading(ask):
    with Simulator(config(commissioned=dt.date(2024, 8, 1))) as sim:
        assert ask(sim, SYSTEM).status_code == 404
        assert sim.truth_of("system-data", HOUSE) == []


def test_a_reading_can_be_replaced(ask):
    with Simulator(config()) as sim:
        sim.set_listing("system-data", HOUSE, [{"time": None, "status": 7}])
        assert ask(sim, SYSTEM).json() == {"data": {"time": None, "status": 7}}
        sim.set_listing("system-data", HOUSE, None)
        assert ask(sim, SYSTEM).json()["data"]["status"] == "Normal"


@ABSENT
def test_same_leaves_and_types_as_recorded(sim, ask):
    shown = ask(sim, SYSTEM).json()
    assert leaves(shown) == leaves(sample("system_data_latest.json"))
    shown = ask(sim, METER).json()["data"]
    assert leaves(shown) == leaves(sample("meter_data_latest.json"))
    with Simulator(config(anomalies={"null_snapshot": 1})) as anomalous:
        shown = ask(anomalous, SYSTEM).json()["data"]
        assert leaves(shown) == leaves(sample("system_data_latest_gateway_nulls.json"))
