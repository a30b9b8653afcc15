"""Inverter health: checks in a list or by name, versions, inverters that lack it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.ingestion.planner import due_devices
from assets.inverter_health import DATASET
from pipelines.discovery import known_state_of
from tests.support import clock
from tests.support.simulated_home import decode, rows_of

LISTING = "inverter-health"
# Of this moment some checks have a warning.
NOW = datetime(2025, 7, 1, 12, tzinfo=UTC)
LISTS = (COMMUNICATION_DEVICES,)


def found(answer):
    decoded = decode(DATASET, answer)
    return {row["check_name"]: row["status"] for row in rows_of(decoded, DATASET.name)}, decoded


def test_each_leaf_is_a_column():
    check = {"name": "Grid", "status": "warning", "message": "m", "description": "d", "since": 5}
    (row,) = rows_of(decode(DATASET, {"data": [check]}), DATASET.name)
    assert row == {
        "inverter_serial": "SIM0001",
        "check_name": "Grid",
        "status": "warning",
        "status_name": "warning",
        "message": "m",
        "description": "d",
        "extra_fields": '{"name":"Grid","since":5}',
    }


@pytest.mark.parametrize(
    "answer",
    [
        [{"name": "a", "status": "ok"}, {"name": "b", "status": "error"}],
        [{"id": "a", "title": "x", "status": "ok"}, {"type": "b", "status": "error"}],
        {"a": "ok", "b": "error"},
        {"a": {"status": "ok"}, "b": "error"},
        {"checks": [{"key": "a", "status": "ok"}, {"check": "b", "status": "error"}], "since": 1},
    ],
)
def test_checks_come_in_a_list_or_by_name(answer):
    expected = {"x": "ok"} if "title" in str(answer) else {"a": "ok"}
    assert found({"data": answer})[0] == {**expected, "b": "error"}
    if isinstance(answer, dict):
        assert found(answer)[0] == {**expected, "b": "error"}


def test_a_check_without_a_name_has_its_position():
    checks, decoded = found({"data": [{"status": "ok"}, {"status": "odd", "name": ""}]})
    assert checks == {"0": "ok", "1": "odd"}
    assert [row["status_name"] for row in rows_of(decoded, DATASET.name)] == [
        "ok",
        "unknown (odd)",
    ]


@pytest.mark.parametrize(
    ("data", "checks"),
    [
        ({"status": "ok", "checks": {"battery": {"status": "warning"}}}, {"battery": "warning"}),
        ({"status": "ok", "checks": {"battery": "warning"}}, {"battery": "warning"}),
        ({"overall": "ok", "checks": [{"name": "a", "status": "ok"}], "history": [{"at": 1}]},
         {"a": "ok"}),
        ({"a": {"status": "ok"}, "b": "Error", "serial": "x", "updated_at": "y", "n": 3},
         {"a": "ok", "b": "Error"}),
        ({"status": "ok", "messages": []}, {"0": "ok"}),
        ({"overall": "ok"}, {"0": "ok"}),
        ({"status": "ok", "checks": []}, {}),
        ([{"name": "a", "state": "ok"}, {"name": "b", "result": "no"}, {"name": "c", "level": 2}],
         {"a": "ok", "b": "no", "c": "2"}),
        ([{"name": "a", "status": True}, {"name": "b", "status": 1.5}, {"name": "c"}],
         {"a": "true", "b": "1.5", "c": None}),
        ({"a": "ok", "b": None, "c": 3, "d": {"status": 4}}, {"a": "ok", "d": "4"}),
        ([{"name": "batt", "code": 0, "status": "ok"}, {"name": "grid", "code": 0}],
         {"batt": "ok", "grid": None}),
    ],
)  # fmt: skip
def test_whatever_comes_is_kept(data, checks):
    found_checks, decoded = found({"data": data})
    assert found_checks == checks
    assert decoded.quarantine.num_rows == 0
    extra = str([row["extra_fields"] for row in rows_of(decoded, DATASET.name)])
    for leaf in ("serial", "updated_at", "history", "messages", "overall"):
        assert (leaf in extra) == (leaf in data)


@pytest.mark.slow_but_first
@pytest.mark.parametrize("shape", ["list", "object"])
def test_the_table_has_what_the_simulator_has(home, shape):
    at_home = home(undocumented_as=shape, seed=2, clock=NOW)
    sim = at_home.simulator
    assert at_home.refresh(DATASET, lists=LISTS).failures == []
    assert sorted(at_home.paths()) == [f"/inverter/{serial}/health" for serial in sim.serials]
    rows = at_home.rows("SELECT * FROM inverter_health_now")
    landed = {(r["inverter_serial"], r["check_name"]): (r["status"], r["message"]) for r in rows}
    truth = {
        (serial, row["name"]): (row["status"], row.get("message"))
        for serial in sim.serials
        for row in sim.truth_of(LISTING, serial)
    }
    assert landed == truth
    sent = [row.get("occurrences") for s in sim.serials for row in sim.truth_of(LISTING, s)]
    extra = [json.loads(row["extra_fields"] or "{}").get("occurrences") for row in rows]
    assert sorted(filter(None, extra)) == sorted(filter(None, sent)) != []


@pytest.mark.slow
def test_a_change_is_a_version_and_a_check_that_is_gone_ends(home):
    at_home = home(inverters=1)
    (serial,) = at_home.simulator.serials
    answers = [
        [{"name": "a", "status": "ok", "checked_at": 1}, {"name": "b", "status": "ok"}],
        [{"name": "a", "status": "ok", "checked_at": 2}, {"name": "b", "status": "ok"}],
        [{"name": "a", "status": "error", "checked_at": 3}],
    ]
    for answer in answers:
        at_home.simulator.set_listing(LISTING, serial, answer)
        assert at_home.refresh(DATASET, lists=LISTS).failures == []
    assert at_home.rows(
        "SELECT check_name, status, valid_to IS NULL AS is_now, extra_fields ->> 'checked_at' AS at"
        " FROM inverter_health ORDER BY check_name, valid_from"
    ) == [
        {"check_name": "a", "status": "ok", "is_now": False, "at": "2"},
        {"check_name": "a", "status": "error", "is_now": True, "at": "3"},
        {"check_name": "b", "status": "ok", "is_now": False, "at": None},
    ]


@pytest.mark.slow
def test_an_inverter_that_lacks_it_is_no_failure_and_is_remembered(home):
    at_home = home()
    lacking, having = at_home.simulator.serials
    missing = b'{"message": "No health for this inverter."}'
    at_home.simulator.override(f"/inverter/{lacking}/health", missing, status=404)
    report = at_home.refresh(DATASET, lists=LISTS)
    assert (report.failures, report.stopped) == ([], None)
    assert report.unavailable != []
    at_home.refresh_later(DATASET, lists=LISTS)
    at_home.refresh(DATASET, lists=LISTS)
    assert at_home.paths() == [f"/inverter/{having}/health"]


@pytest.mark.slow
def test_it_is_asked_for_once_a_day(home):
    at_home = home(inverters=1)
    at_home.refresh(DATASET, lists=LISTS)
    devices = at_home.devices(*LISTS)
    with at_home.session() as session:
        assert due_devices(DATASET, known_state_of(session, devices)) == frozenset()
    with clock.at(datetime.now(UTC) + timedelta(hours=21)), at_home.session() as session:
        assert due_devices(DATASET, known_state_of(session, devices)) == {
            *at_home.simulator.serials
        }
