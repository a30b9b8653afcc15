"""Data points of EV chargers: what they read, what is asked for, what goes wrong."""

import datetime as dt
import time
from collections import Counter

import pytest

from simulator import Simulator, SimulatorConfig
from simulator.world import ev_anomalies

NOW = dt.datetime(2024, 7, 4, 12, tzinfo=dt.UTC)
DAY = {"start_time": "2024-07-02T00:00:00Z", "end_time": "2024-07-03T00:00:00Z"}
ALL = {"measurands": list(range(22)), "meter_ids": [0, 1, 2, 3]}
ASK_ALL = {"measurands[]": list(range(22)), "meter_ids[]": [0, 1, 2, 3]}


def config(**settings) -> SimulatorConfig:
    given = {"ev_chargers": 2, "ev_offline_rate": 0, "ev_points_every_s": 600, "clock": NOW}
    return SimulatorConfig(inverters=1, rate_limit=10_000, **{**given, **settings})


@pytest.fixture(scope="module")
def sim():
    with Simulator(config()) as simulator:
        yield simulator


@pytest.fixture
def data(ask):
    def get(sim, number=0, **query):
        path = f"/ev-charger/{sim.charger_uuids[number]}/meter-data"
        return ask(sim, path, params={**DAY, **ASK_ALL, "pageSize": 5000, **query})

    return get


def readings(rows, meter, measurand):
    """Value and unit by timestamp."""
    return {
        row["timestamp"]: (reading["value"], reading["unit"])
        for row in rows
        if row["meter_id"] == meter
        for reading in row["measurements"]
        if reading["measurand"] == measurand
    }


def test_a_day_in_one_page(sim, data):
    body = data(sim).json()
    assert body["data"] == sim.truth_of("ev-meter-data", sim.charger_uuids[0], **DAY, **ALL)
    # Both ends belong to the range: 145 times, less the few that are missing, from two meters.
    assert 280 < body["meta"]["total"] == len(body["data"]) <= 290
    times = [row["timestamp"] for row in body["data"]]
    assert times == sorted(times)
    assert (times[0], times[-1]) == ("2024-07-02 00:00:00", "2024-07-03 00:00:00")
    assert {row["meter_id"] for row in body["data"]} == {0, 1}
    assert {row["meter_id"] for row in data(sim, 1).json()["data"]} == {0, 1, 2}


def test_a_point_a_minute_by_default(ask):
    with Simulator(SimulatorConfig(ev_chargers=1, ev_offline_rate=0, clock=NOW)) as sim:
        query = {**DAY, "measurands[]": 4, "meter_ids[]": 0, "pageSize": 10_000}
        body = ask(sim, f"/ev-charger/{sim.charger_uuids[0]}/meter-data", params=query).json()
        assert 1430 <= body["meta"]["total"] <= 1441
        assert (body["meta"]["per_page"], body["meta"]["last_page"]) == (1000, 2)
        assert body["links"]["next"].endswith("/meter-data?page=2")


def test_what_the_meters_read(sim, data):
    rows = data(sim).json()["data"]
    assert [(r["measurand"], r["unit"]) for r in rows[0]["measurements"]] == [
        (1, 10),
        (4, 0),
        (13, 4),
        (20, 12),
        (21, 11),
        (11, None),
    ]
    assert [(r["measurand"], r["unit"]) for r in rows[1]["measurements"]] == [
        (13, 4),
        (12, 4),
        (21, 11),
    ]
    assert all(235 < value < 247 for value, _ in readings(rows, 0, 21).values())
    assert all(49 < value < 51 for value, _ in readings(rows, 0, 11).values())


def test_the_register_is_the_energy_of_the_sessions(sim, data):
    charger = sim.charger_uuids[0]
    sessions = sim.truth_of("charging-sessions", charger)
    checked = 0
    for session in sessions[1:21]:
        start = dt.datetime.fromisoformat(session["started_at"])
        stop = dt.datetime.fromisoformat(session["stopped_at"])
        around = {
            "start_time": f"{start - dt.timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
            "end_time": f"{stop + dt.timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        }
        rows = data(sim, **around).json()["data"]
        register = readings(rows, 0, 4)
        before = max(t for t in register if t < f"{start:%Y-%m-%d %H:%M:%S}")
        after = min(t for t in register if t > f"{stop:%Y-%m-%d %H:%M:%S}")
        assert register[before] == (round(session["meter_start"] * 1000), 0)
        assert register[after] == (round(session["meter_stop"] * 1000), 0)
        power = readings(rows, 0, 13)
        assert power[before] == power[after] == (0, 4)
        assert max(value for value, _ in power.values()) > 2000
        checked += 1
    assert checked == 20


def test_only_what_is_requested_is_there(sim, data):
    def shape(**query):
        rows = data(sim, **query).json()["data"]
        return {(r["meter_id"], *(m["measurand"] for m in r["measurements"])) for r in rows}

    assert shape(**{"measurands[]": [21, 4]}) == {(0, 4, 21), (1, 21)}
    assert shape(**{"measurands[]": 4}) == {(0, 4)}
    assert shape(**{"meter_ids[]": 1}) == {(1, 13, 12, 21)}
    assert shape(**{"measurands[]": 19}) == set()
    assert shape(**{"meter_ids[]": 3}) == set()


def test_lists_may_be_numbered(sim, ask):
    path = f"/ev-charger/{sim.charger_uuids[0]}/meter-data"
    numbered = {"measurands[0]": 4, "measurands[1]": 13, "meter_ids[0]": 0}
    plain = {"measurands[]": [4, 13], "meter_ids[]": [0]}
    first, second = (ask(sim, path, params={**DAY, **form}).json() for form in (numbered, plain))
    assert first == second
    assert len(first["data"][0]["measurements"]) == 2


@pytest.mark.parametrize("size", [7, 100])
def test_pages_add_up(sim, data, size):
    rows, page, last = [], 0, 1
    while page < last:
        page += 1
        body = data(sim, page=page, pageSize=size).json()
        rows += body["data"]
        last = body["meta"]["last_page"]
    assert rows == data(sim).json()["data"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"start_time": None}, ["start_time"]),
        ({"start_time": None, "end_time": None}, ["start_time", "end_time"]),
        ({"start_time": "2024-07-02"}, ["start_time"]),
        ({"start_time": "2024-07-02T00:00:00"}, ["start_time"]),
        ({"start_time": "2024-07-02T00:00:00+01:00"}, ["start_time"]),
        ({"end_time": "2024-02-30T00:00:00Z"}, ["end_time"]),
        ({"end_time": "2024-07-01T00:00:00Z"}, ["end_time"]),
        ({"end_time": "2024-07-04T12:00:01Z"}, ["end_time"]),
        ({"measurands[]": None}, ["measurands"]),
        ({"meter_ids[]": None}, ["meter_ids"]),
        ({"measurands[]": None, "measurands": 4}, ["measurands"]),
        ({"measurands[]": [4, 22]}, ["measurands.1"]),
        ({"measurands[]": ["x"], "meter_ids[]": [4]}, ["measurands.0", "meter_ids.0"]),
        ({"page": 0}, ["page"]),
    ],
)
def test_wrong_parameters_are_422(sim, data, query, named):
    answer = data(sim, **query)
    assert answer.status_code == 422
    assert answer.json()["message"] == "The given data was invalid."
    assert list(answer.json()["errors"]) == named


def test_the_present_is_no_future(sim, data):
    assert data(sim, end_time="2024-07-04T12:00:00Z").status_code == 200


def test_lists_that_are_not_required_mean_all(data):
    with Simulator(config(meter_lists_required=False)) as sim:
        everything = data(sim).json()
        assert data(sim, **{"measurands[]": None, "meter_ids[]": None}).json() == everything


def test_points_arrive_with_the_clock(data):
    with Simulator(config(clock=dt.datetime(2024, 7, 2, 18, tzinfo=dt.UTC))) as sim:
        until_six = data(sim, end_time="2024-07-02T18:00:00Z").json()["data"]
        sim.set_clock(NOW)
        whole = data(sim).json()["data"]
        early = [row for row in whole if row["timestamp"] <= "2024-07-02 18:00:00"]
        assert all(row in early for row in until_six)
        assert 0 <= len(early) - len(until_six) <= 6


def test_before_the_registration_there_is_nothing(sim, data):
    old = {"start_time": "2019-07-02T00:00:00Z", "end_time": "2019-07-03T00:00:00Z"}
    body = data(sim, **old).json()
    assert (body["data"], body["meta"]["total"]) == ([], 0)


def test_what_is_read_while_offline_is_lost(data):
    with Simulator(config()) as sim:
        since, until = (dt.datetime(2024, 7, 2, h, tzinfo=dt.UTC) for h in (6, 18))
        before = data(sim).json()["data"]
        sim.take_offline(sim.charger_uuids[0], since)
        cut = data(sim).json()["data"]
        assert cut == [row for row in before if row["timestamp"] < "2024-07-02 06:00:00"]
        sim.bring_online(sim.charger_uuids[0], until)
        outside = [
            row
            for row in before
            if not "2024-07-02 06:00:00" <= row["timestamp"] < "2024-07-02 18:00:00"
        ]
        assert data(sim).json()["data"] == outside


def test_chargers_that_are_offline_now_and_then(data):
    with Simulator(config(ev_offline_rate=1)) as often, Simulator(config()) as never:
        some, whole = data(often).json()["data"], data(never).json()["data"]
        assert 0 < len(some) < len(whole)
        assert all(row in whole for row in some)


def test_every_kind_of_anomaly_occurs(data):
    rates = {kind: 1 / len(ev_anomalies.KINDS) for kind in ev_anomalies.KINDS}
    with Simulator(config(anomalies=rates)) as sim, Simulator(config()) as clean:
        rows, plain = data(sim).json()["data"], data(clean).json()["data"]
        assert rows == sim.truth_of("ev-meter-data", sim.charger_uuids[0], **DAY, **ALL)
        assert len(rows) > len(plain)
        measured = [r for row in rows for r in row["measurements"] or []]
        # Energy in kWh is found by its unit, and is a thousandth.
        kwh = [r for r in measured if r["unit"] == 1]
        assert kwh
        assert all(1_000 < r["value"] < 100_000 for r in kwh)
        assert {r["unit"] for r in measured} == {0, 1, 4, 5, 10, 11, 12, 13, 42, None}
        assert 99 in {r["measurand"] for r in measured}
        assert {type(r["value"]) for r in measured} == {int, float, str, type(None)}
        assert {row["meter_id"] for row in rows} == {0, 1, 7}
        assert [] in (row["measurements"] for row in rows)
        assert None in (row["measurements"] for row in rows)
        assert any("timestamp" not in row for row in rows)
        assert "yesterday at noon" in (row.get("timestamp") for row in rows)


def test_a_row_twice_and_a_row_that_contradicts(data):
    with Simulator(config()) as clean:
        plain = data(clean).json()["data"]
    with Simulator(config(anomalies={"ev_duplicate_row": 1})) as sim:
        assert data(sim).json()["data"] == [row for row in plain for _ in range(2)]
    with Simulator(config(anomalies={"ev_conflicting_row": 1})) as sim:
        rows = data(sim).json()["data"]
        assert rows[::2] == plain
        assert rows[1]["measurements"][1]["value"] == plain[0]["measurements"][1]["value"] + 1
        keys = Counter((row["timestamp"], row["meter_id"]) for row in rows)
        assert set(keys.values()) == {2}


def test_rows_of_a_test_are_filtered_and_paged(data):
    with Simulator(config()) as sim:
        first = sim.charger_uuids[0]

        def point(time, meter, *measurands):
            readings = [{"measurand": m, "value": m, "unit": None} for m in measurands]
            return {"meter_id": meter, "timestamp": time, "measurements": readings}

        rows = [
            point("2024-07-01 23:59:59", 0, 4),
            point("2024-07-02 00:00:00", 0, 4, 13, 99),
            point("2024-07-02 00:01:00", 1, 13),
            point("2024-07-02 00:02:00", 7, 13),
            {"meter_id": 0, "timestamp": "2024-07-02 00:03:00", "measurements": None},
            "not a data point",
            point("2024-07-03 00:00:01", 0, 4),
        ]
        sim.set_listing("ev-meter-data", first, rows)
        assert data(sim).json()["data"] == rows[1:6]
        asked = {"measurands[]": 4, "meter_ids[]": 0}
        some = data(sim, **asked).json()["data"]
        assert some == [point("2024-07-02 00:00:00", 0, 4, 99), rows[4], "not a data point"]
        parameters = {**DAY, "measurands": [4], "meter_ids": [0]}
        assert sim.truth_of("ev-meter-data", first, **parameters) == some
        assert data(sim, page=2, pageSize=2).json()["data"] == rows[3:5]
        sim.set_listing("ev-meter-data", first, None)
        assert len(data(sim).json()["data"]) > 200


def test_a_year_of_minutes_is_paged_quickly(ask):
    with Simulator(SimulatorConfig(ev_chargers=1, clock=NOW)) as sim:
        query = {"start_time": "2023-07-02T00:00:00Z", "end_time": "2024-07-02T00:00:00Z"}
        query |= {**ASK_ALL, "pageSize": 1000, "page": 500}
        started = time.process_time()
        body = ask(sim, f"/ev-charger/{sim.charger_uuids[0]}/meter-data", params=query).json()
        assert body["meta"]["total"] > 1_000_000
        assert len(body["data"]) == 1000
        assert time.process_time() - started < 3
