"""Inverter events: decoding, both values of `cleared`, and open events until they are over."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.contract.devices import DeviceKind
from assets.framework.contract.lookback import open_items
from assets.inverter_events import DATASET, SCHEMA, TABLE
from pipelines.discovery import known_state_of
from pipelines.known_devices import known_devices
from tests.support.api_examples import example, needs_shared, recorded
from tests.support.simulated_home import decode, leaves, rows_of

LISTS = (COMMUNICATION_DEVICES,)
NOW = datetime.now(UTC).replace(microsecond=0)


def ago(**span):
    return f"{NOW - timedelta(**span):%Y-%m-%dT%H:%M:%SZ}"


def event(name, start, end=None):
    return {"event": name, "start_time": start, "end_time": end}


def table(*events):
    return rows_of(decode(DATASET, {"data": list(events)}), "inverter_events")


def test_a_cleared_event_and_an_open_one():
    cleared, open_ = table(
        event("Grid Voltage High", "2024-07-03T23:30:00Z", "2024-07-04T00:00:05Z"),
        event("Battery Cold", "2024-01-03T10:00:00Z"),
    )
    assert cleared == {
        "inverter_serial": "SIM0001",
        "event": "Grid Voltage High",
        "started_at": datetime(2024, 7, 3, 23, 30, tzinfo=UTC),
        "ended_at": datetime(2024, 7, 4, 0, 0, 5, tzinfo=UTC),
        "duration_s": 1805.0,
        "has_ended": True,
        "started_local": datetime(2024, 7, 4, 0, 30),
        "local_date": date(2024, 7, 4),
        "extra_fields": None,
    }
    assert (open_["ended_at"], open_["duration_s"], open_["has_ended"]) == (None, None, False)


def test_two_events_can_begin_at_once_and_one_event_twice():
    rows = table(
        event("A", "2024-01-03T10:00:00Z", "2024-01-03T11:00:00Z"),
        event("B", "2024-01-03T10:00:00Z"),
        event("A", "2024-01-02T10:00:00Z", "2024-01-02T10:00:01Z"),
    )
    assert [(row["event"], row["started_at"].day) for row in rows] == [("A", 3), ("B", 3), ("A", 2)]


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"event": None}, "event"),
        ({"event": ""}, "event"),
        ({"event": 17}, "event"),
        ({"start_time": None}, "start_time"),
        ({"start_time": "2024-01-03 10:00:00"}, "start_time"),
        ({"start_time": "2024-01-03T25:00:00Z"}, "start_time"),
    ],
)
def test_events_without_their_key_are_quarantined(change, column):
    bad = {**event("A", "2024-01-03T10:00:00Z"), **change}
    good = event("B", "2024-01-03T10:00:00Z")
    decoded = decode(DATASET, {"data": [bad, good]})
    (aside,) = decoded.quarantine.to_pylist()
    assert (aside["reason"], aside["column"]) == ("not_decodable", column)
    assert json.loads(aside["raw"]) == bad
    assert [row["event"] for row in rows_of(decoded, "inverter_events")] == ["B"]


def test_an_end_that_cannot_be_read_is_kept_and_makes_no_open_event():
    decoded = decode(
        DATASET, {"data": [{**event("A", "2024-01-03T10:00:00Z", "today"), "severity": 3}]}
    )
    (row,) = rows_of(decoded, "inverter_events")
    assert (row["ended_at"], row["has_ended"]) == (None, True)
    assert json.loads(row["extra_fields"]) == {"end_time": "today", "severity": 3}
    kinds = {(drift.kind, drift.field) for drift in decoded.drift}
    assert kinds == {("changed_type", "end_time"), ("new_field", "severity")}


OLD = event("Grid Voltage High", ago(days=200), ago(days=199))
RECENT = event("Battery Cold", ago(days=2), ago(days=1))
OPEN = event("PV Over Voltage", ago(days=12))
STALE = event("Meter Lost", ago(days=45))


@pytest.fixture
def owner(home):
    """Make a home of one inverter whose faults are given to it."""

    def make(*events, **settings):
        made = home(
            inverters=1, commissioned=NOW.date() - timedelta(days=300), clock=NOW, **settings
        )
        happen(made, *events)
        return made

    return make


def happen(owner, *events):
    rows = sorted(events, key=lambda row: row["start_time"], reverse=True)
    owner.simulator.set_listing("events", owner.simulator.serials[0], rows)


def stored(owner):
    rows = owner.rows("FROM inverter_events ORDER BY started_at")
    return [
        {
            "event": row["event"],
            "start_time": f"{row['started_at']:%Y-%m-%dT%H:%M:%SZ}",
            "end_time": row["ended_at"] and f"{row['ended_at']:%Y-%m-%dT%H:%M:%SZ}",
        }
        for row in rows
    ]


def events_requested(owner):
    """Return what was requested, sorted: `cleared`, and how many days before today it begins."""
    found = [
        (int(request.query["cleared"]), date.fromisoformat(request.query["start"]))
        for request in owner.simulator.requests
    ]
    return sorted((cleared, (NOW.date() - start).days) for cleared, start in found)


@pytest.mark.slow_but_first
@pytest.mark.parametrize("meaning", ["adds", "filters", "ignored"])
def test_all_events_are_there_whatever_cleared_means(owner, meaning):
    owner = owner(OLD, RECENT, OPEN, STALE, events_cleared_means=meaning)
    report = owner.refresh(DATASET, lists=LISTS)
    assert not report.failures
    assert events_requested(owner) == [(0, 301), (1, 301)]
    assert stored(owner) == [OLD, STALE, OPEN, RECENT]
    # A day to spare before the oldest of: three days ago, the open event, the stale one; the
    # latter was looked at just now.
    owner.refresh(DATASET, lists=LISTS)
    assert events_requested(owner) == ([(0, 13), (1, 13)] if meaning == "filters" else [(1, 13)])


@pytest.mark.slow
def test_without_an_open_event_both_values_are_requested_again(owner):
    owner = owner(OLD, RECENT, events_cleared_means="adds")
    owner.refresh(DATASET, lists=LISTS)
    owner.refresh(DATASET, lists=LISTS)
    assert events_requested(owner) == [(0, 4), (1, 4)]
    happen(owner, OLD, RECENT, OPEN)
    owner.refresh(DATASET, lists=LISTS, refetch=True)
    assert stored(owner) == [OLD, OPEN, RECENT]
    owner.refresh(DATASET, lists=LISTS)
    assert events_requested(owner) == [(1, 13)]
    # All of history again asks for both, whatever is known.
    with owner.session() as session:
        view = known_state_of(session, known_devices(session.lake), refetch=True)
        assert [request.query["cleared"] for request in DATASET.requests(view)] == [0, 1]


@pytest.mark.parametrize("meaning", ["adds", pytest.param("filters", marks=pytest.mark.slow)])
def test_an_open_event_closes_days_later(owner, meaning):
    owner = owner(OLD, OPEN, events_cleared_means=meaning)
    owner.refresh(DATASET, lists=LISTS)
    assert stored(owner) == [OLD, OPEN]
    closed = {**OPEN, "end_time": ago(hours=1)}
    happen(owner, OLD, closed)
    owner.refresh(DATASET, lists=LISTS)
    assert stored(owner) == [OLD, closed]
    with owner.session() as session:
        assert open_items(known_state_of(session, {}), TABLE, "started_at") == []


@pytest.mark.slow
def test_stale_events_are_looked_at_weekly_and_are_found_by_the_status(owner):
    owner = owner(STALE, OPEN, events_cleared_means="adds")
    owner.refresh(DATASET, lists=LISTS)
    with owner.session() as session:
        view = known_state_of(session, known_devices(session.lake))

        def start(after_days):
            (request,) = DATASET.requests(replace(view, now=view.now + timedelta(days=after_days)))
            return (NOW.date() - date.fromisoformat(request.query["start"])).days

        items = open_items(view, TABLE, "started_at")
        assert [item.is_stale(view.now) for item in items] == [True, False]
        assert start(1) == 13
        assert start(7) == 46


@pytest.mark.slow
def test_an_inverter_is_requested_whatever_its_last_contact_is_said_to_be(owner):
    owner = owner(OLD, events_cleared_means="adds")
    owner.refresh(DATASET, lists=LISTS)
    with owner.session() as session:
        view = known_state_of(session, known_devices(session.lake))
        (device,) = view.devices_of(DeviceKind.INVERTER)

        def requests(last_contact_days_ago):
            contact = view.now - timedelta(days=last_contact_days_ago)
            silent = replace(device, last_contact_at=contact)
            return list(DATASET.requests(replace(view, devices={"inverter": [silent]})))

        assert len(requests(last_contact_days_ago=10)) == 2
        assert len(requests(last_contact_days_ago=1)) == 2


def test_a_fault_that_begins_while_pages_are_read_loses_nothing(owner):
    many = [event("A", ago(hours=10 * number), ago(hours=10 * number - 1)) for number in range(7)]
    owner = owner(*many, page_size_caps={"events": 3}, shift_after={"events": 1})
    owner.refresh(DATASET, lists=LISTS)
    found = stored(owner)
    assert Counter(map(json.dumps, found)) >= Counter(map(json.dumps, many))
    reasons = owner.rows("SELECT DISTINCT reason FROM quarantine")
    assert reasons in ([], [{"reason": "duplicate_key"}])


@pytest.mark.slow
def test_events_equal_the_simulators_over_years(home):
    owner = home(commissioned=date(2022, 1, 1), clock=NOW, events_cleared_means="filters")
    owner.refresh(DATASET, lists=LISTS)
    for serial in owner.simulator.serials:
        truth = owner.simulator.truth_of("events", serial, cleared="1")
        truth += owner.simulator.truth_of("events", serial, cleared="0")
        assert len(truth) > 50
        rows = owner.rows(
            "SELECT event, started_at, ended_at FROM inverter_events"
            f" WHERE inverter_serial = '{serial}'"
        )
        assert len(rows) == len(truth)
        assert {tuple(row.values()) for row in rows} == {
            (row["event"], *map(moment, (row["start_time"], row["end_time"]))) for row in truth
        }


def moment(text):
    return text and datetime.fromisoformat(text)


@pytest.mark.slow
def test_an_inverter_without_data_is_polled_once_and_remembered(home):
    owner = home(inverters=1, gone=1, clock=NOW)
    report = owner.refresh(DATASET, lists=LISTS)
    assert not report.failures
    assert len(report.unavailable) == 1
    owner.refresh_later(DATASET, lists=LISTS)
    assert len({path.split("/")[2] for path in owner.paths()}) == 2
    owner.refresh(DATASET, lists=LISTS)
    assert {path.split("/")[2] for path in owner.paths()} == {owner.simulator.serials[0]}


@pytest.mark.parametrize(
    ("end", "duration"),
    [
        ("2025-06-01T10:00:30Z", 30.0),
        ("2025-06-01T09:59:59Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("2099-01-01T00:00:00Z", None),
        (1748772030, None),
    ],
)
def test_a_duration_is_plausible_or_null(end, duration):
    sent = {"event": "Fault", "start_time": "2025-06-01T10:00:00Z", "end_time": end}
    (row,) = rows_of(decode(DATASET, {"data": [sent]}), DATASET.name)
    assert (row["duration_s"], row["has_ended"]) == (duration, True)


@needs_shared
@pytest.mark.parametrize("answer", [pytest.param(name) for name in ("recorded", "documented")])
def test_every_leaf_of_printed_responses_is_in_a_column(answer):
    answer = recorded("inverter_events") if answer == "recorded" else example("Get Events")
    rows = rows_of(decode(DATASET, answer, any_time=True), "inverter_events")
    assert len(rows) == len(answer["data"]) > 0
    columns = {
        description.source: column
        for column, description in SCHEMA.columns.items()
        if description.source
    }
    for sent, row in zip(answer["data"], rows, strict=True):
        for path, value in leaves(sent):
            found = row[columns[path]]
            assert (
                f"{found:%Y-%m-%dT%H:%M:%SZ}" if isinstance(found, datetime) else found
            ) == value


@pytest.mark.slow
def test_a_later_response_without_the_end_of_an_event_takes_back_none(owner):
    closed = {**OPEN, "end_time": ago(hours=1)}
    owner = owner(closed, events_cleared_means="adds")
    owner.refresh(DATASET, lists=LISTS)
    happen(owner, OPEN)
    owner.refresh(DATASET, lists=LISTS, refetch=True)
    assert stored(owner) == [closed]
