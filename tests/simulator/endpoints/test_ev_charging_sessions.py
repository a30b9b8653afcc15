"""Charging sessions: order, filters, open ones, who started and why they ended."""

import datetime as dt
import itertools
from collections import Counter

import pytest

from simulator import Simulator, SimulatorConfig
from simulator.endpoints.ev_charging_sessions import STOP_REASONS

NOW = dt.datetime(2025, 7, 4, 12, tzinfo=dt.UTC)
OPTIONAL = ("stopped_by", "meter_stop", "stopped_at", "stop_reason")


@pytest.fixture
def sim():
    config = SimulatorConfig(
        inverters=1, ev_chargers=1, ev_offline_rate=0, clock=NOW, rate_limit=10_000
    )
    with Simulator(config) as simulator:
        yield simulator


@pytest.fixture
def sessions(ask):
    def get(sim, **query):
        path = f"/ev-charger/{sim.charger_uuids[0]}/charging-sessions"
        return ask(sim, path, params=query)

    return get


def truth(sim, **parameters):
    return sim.truth_of("charging-sessions", sim.charger_uuids[0], **parameters)


def test_newest_first_and_one_after_the_other(sim, sessions):
    rows = truth(sim)
    assert 500 < len(rows) < 900
    assert sessions(sim).json()["data"] == rows[:15]
    assert set(rows[0]) == {"started_by", "meter_start", "started_at", *OPTIONAL}
    for newer, older in itertools.pairwise(rows):
        assert newer["started_at"] > older["stopped_at"] > older["started_at"]
        assert newer["meter_start"] == older["meter_stop"] > older["meter_start"]
    assert rows[-1]["meter_start"] == 0


def test_pages_add_up_and_have_a_cap(sim, sessions):
    rows, page, last = [], 0, 1
    while page < last:
        page += 1
        body = sessions(sim, page=page, pageSize=5000).json()
        assert body["meta"]["per_page"] == 100
        rows += body["data"]
        last = body["meta"]["last_page"]
    assert rows == truth(sim)
    assert sessions(sim, page=page + 1).json()["meta"]["total"] == len(rows)


def test_who_started_and_why_it_ended(sim):
    rows = truth(sim)
    starters = Counter(row["started_by"] for row in rows)
    assert {"PLUG_AND_GO", "INVERTER_CONTROL", str(sim.account["id"])} < set(starters)
    assert len(starters) == 5
    assert {row["stop_reason"] for row in rows} == set(STOP_REASONS)
    local = [row for row in rows if row["stop_reason"] == "EVDisconnected"]
    assert all(row["stopped_by"] == row["started_by"] for row in local)


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ({"start_time": "2025-06-01", "end_time": "2025-07-01"}, "2025-06-01", "2025-07-01"),
        (
            {"start_time": "2025-06-01T18:00:00Z", "end_time": "2025-06-20T19:00:00Z"},
            "2025-06-01T18:00:00Z",
            "2025-06-20T19:00:00Z",
        ),
        ({"start_time": "2025-06-01"}, "2025-06-01", "2026"),
        ({"end_time": "2025-06-01"}, "2022", "2025-06-01"),
    ],
)
def test_filters_are_query_parameters(sim, sessions, query, first, last):
    body = sessions(sim, **query, pageSize=100).json()
    expected = [row for row in truth(sim) if first <= row["started_at"] <= last]
    assert body["meta"]["total"] == len(expected) > 10
    assert body["data"] == expected[:100] == truth(sim, **query)[:100]
    assert "start_time" not in body["links"]["last"]


@pytest.mark.parametrize(("version", "filters"), [("1.26", False), ("1.35", True)])
def test_a_body_filters_from_version_1_35_on(ask, version, filters):
    config = SimulatorConfig(
        inverters=1, ev_chargers=1, ev_offline_rate=0, clock=NOW, api_version=version
    )
    with Simulator(config) as sim:
        path = f"/ev-charger/{sim.charger_uuids[0]}/charging-sessions"
        days = {"start_time": "2025-06-01", "end_time": "2025-06-02"}
        total = ask(sim, path, json=days).json()["meta"]["total"]
        assert total == len(truth(sim, **days) if filters else truth(sim))
        assert len(truth(sim, **days)) < len(truth(sim))


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"start_time": "soon"}, ["start_time"]),
        ({"end_time": "2025-02-30"}, ["end_time"]),
        ({"start_time": "", "end_time": "20250601"}, ["start_time", "end_time"]),
        ({"start_time": "2025-06-02", "end_time": "2025-06-01"}, ["end_time"]),
        ({"pageSize": "x"}, ["pageSize"]),
    ],
)
def test_wrong_parameters_are_422(sim, sessions, query, named):
    answer = sessions(sim, **query)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == named


def test_a_session_is_open_until_its_end_has_passed(sim, sessions):
    newest = truth(sim)[0]
    start, stop = (dt.datetime.fromisoformat(newest[f"{name}ed_at"]) for name in ("start", "stopp"))
    second = dt.timedelta(seconds=1)
    sim.set_clock(start - second)
    assert truth(sim)[0]["started_at"] < newest["started_at"]
    sim.set_clock(start)
    before = sessions(sim).json()["data"][0]
    sim.set_clock(stop - second)
    assert sessions(sim).json()["data"][0] == before
    assert before == {**newest, **dict.fromkeys(OPTIONAL)}
    sim.set_clock(stop)
    assert sessions(sim).json()["data"][0] == newest


def test_what_happens_offline_is_known_later(sim):
    newest, older = truth(sim)[:2]
    charger = sim.charger_uuids[0]
    middle = dt.datetime.fromisoformat(older["started_at"]) + dt.timedelta(seconds=60)
    sim.take_offline(charger, middle)
    rows = truth(sim)
    assert rows[0] == {**older, **dict.fromkeys(OPTIONAL)}
    sim.bring_online(charger, NOW - dt.timedelta(minutes=1))
    assert truth(sim)[:2] == [newest, older]


def test_rows_of_a_test_are_filtered(sim, sessions):
    rows = [{"started_at": "2025-06-03T10:00:00Z", "new": 1}, {"started_at": None}, 7]
    sim.set_listing("charging-sessions", sim.charger_uuids[0], rows)
    assert sessions(sim).json()["data"] == rows
    assert sessions(sim, start_time="2025-06-04").json()["data"] == rows[1:]
    assert sessions(sim, end_time="2025-06-04").json()["data"] == rows
