"""EMS: a device without data points whose only trace is its latest reading."""

import datetime as dt

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant

NOW = dt.datetime(2024, 7, 10, 12, 10, tzinfo=dt.UTC)


def config(**settings):
    return SimulatorConfig(
        **{
            "ems": 1,
            "clock": NOW,
            "commissioned": dt.date(2022, 5, 10),
            "rate_limit": 10_000,
            **settings,
        }
    )


@pytest.fixture(scope="module")
def sim():
    tokens = (
        TokenGrant("all"),
        TokenGrant("data", scopes=frozenset({"api:inverter:data"})),
        TokenGrant("other", account=2),
    )
    with Simulator(config(tokens=tokens)) as simulator:
        yield simulator


def reading(sim):
    (row,) = sim.truth_of("ems-system-data", sim.ems_serials[0])
    return row


def test_it_is_listed_as_a_communication_device(sim, ask):
    (serial,) = sim.ems_serials
    listed = ask(sim, "/communication-device?pageSize=100").json()["data"]
    inverter = listed[-1]["inverter"]
    assert (inverter["serial"], inverter["info"]["model"]) == (serial, "Plant EMS")
    assert inverter["connections"]["batteries"] == []
    assert serial not in sim.serials


def test_without_ems_nothing_changes(ask):
    with Simulator(config(ems=0)) as sim:
        assert sim.ems_serials == []
        assert len(sim.devices) == 3
    assert len(Simulator(config()).devices) == 4


def test_the_contracts_shape(sim, ask):
    row = ask(sim, f"/ems/{sim.ems_serials[0]}/system-data/latest").json()["data"]
    assert row == reading(sim)
    assert list(row) == [
        "battery_power",
        "battery_wh_remaining",
        "calculated_load_power",
        "car_power",
        "error_code",
        "grid_power",
        "measured_load_power",
        "status",
        "time",
        "total_generation",
        "warning_code",
        "inverters",
        "meters",
    ]
    keys = ["active_power", "number", "serial_number", "soc", "status", "temperature"]
    assert [list(place) for place in row["inverters"]] == [keys] * 4
    assert [place["number"] for place in row["inverters"]] == [1, 2, 3, 4]
    assert [place["serial_number"] for place in row["inverters"]] == [*sim.serials[:2], None, None]
    empty = {"active_power": None, "number": 4, "serial_number": None, "soc": None}
    assert row["inverters"][3] == {**empty, "status": 0, "temperature": None}
    assert [list(place) for place in row["meters"]] == [
        ["active_power", "number", "status", "type"]
    ] * 8
    assert [place["number"] for place in row["meters"]] == list(range(1, 9))
    assert [place["type"] for place in row["meters"]] == [0, 1, 2, 3, 0, 0, 0, 0]
    assert [place["status"] for place in row["meters"]] == [1, 1, 1, 2, 0, 0, 0, 0]


def test_powers_are_those_of_the_inverters(sim):
    row = reading(sim)
    inverter_w = sum(place["active_power"] or 0 for place in row["inverters"])
    assert row["grid_power"] == pytest.approx(inverter_w - row["calculated_load_power"], abs=4)
    grid, sun, load = (place["active_power"] for place in row["meters"][:3])
    assert (grid, sun, load) == (
        row["grid_power"],
        row["total_generation"],
        row["calculated_load_power"],
    )
    points = [sim.truth(serial, "2024-07-10")[-1] for serial in sim.serials[:2]]
    assert row["total_generation"] == pytest.approx(
        sum(point["power"]["solar"]["power"] for point in points), rel=0.4
    )
    percents = [point["power"]["battery"]["percent"] for point in points]
    assert [place["soc"] for place in row["inverters"][:2]] == pytest.approx(percents, abs=3)


def test_a_new_reading_every_five_minutes():
    sim = Simulator(config())
    times = []
    for minute in range(20):
        sim.set_clock(NOW + dt.timedelta(minutes=minute))
        times.append(reading(sim)["time"])
    assert len(set(times)) in (4, 5)
    assert times == sorted(times)
    assert times[0] <= "2024-07-10T12:10:00Z" < times[-1]


def test_statuses_vary_over_a_week():
    sim = Simulator(config())
    rows = []
    for step in range(7 * 48):
        sim.set_clock(NOW + dt.timedelta(minutes=30 * step))
        rows.append(reading(sim))
    assert {row["status"] for row in rows} == {1, 2}
    assert {bool(row["warning_code"]) == (row["status"] == 2) for row in rows} == {True}
    places = [place for row in rows for place in row["inverters"][:2]]
    assert {place["status"] for place in places} == {2, 3, 7}
    offline = [place for place in places if place["status"] == 7]
    assert {place["active_power"] for place in offline} == {None}
    assert None not in {place["serial_number"] for place in offline}


def test_time_is_null_as_an_anomaly():
    assert reading(Simulator(config(anomalies={"ems_time_null": 1})))["time"] is None


def test_access(sim, ask):
    (serial,) = sim.ems_serials
    path = f"/ems/{serial}/system-data/latest"
    assert ask(sim, path, token="data").status_code == 403
    assert ask(sim, path, token="other").status_code == 403
    for other in ("XX", sim.serials[0]):
        assert ask(sim, f"/ems/{other}/system-data/latest").status_code == 404
    for path in ("data-points/2024-07-01", "system-data/latest", "events", "settings"):
        assert ask(sim, f"/inverter/{serial}/{path}").status_code == 404


def test_more_inverters_leave_a_place_empty_and_later_ones_are_absent():
    sim = Simulator(config(inverters=8))
    assert [place["serial_number"] for place in reading(sim)["inverters"]] == [
        *sim.serials[:2],
        sim.serials[3],
        None,
    ]
    sim.set_clock(dt.datetime(2022, 5, 1, tzinfo=dt.UTC))
    assert {place["status"] for place in reading(sim)["inverters"]} == {0}


def test_unavailable_is_404(ask):
    with Simulator(config(unavailable=frozenset({"ems-system-data"}))) as sim:
        assert ask(sim, f"/ems/{sim.ems_serials[0]}/system-data/latest").status_code == 404
