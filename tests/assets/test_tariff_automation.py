"""The tariff's automation: slots of days, their history, accounts without a tariff."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from assets.framework.ingestion.last_requests import last_requests
from assets.framework.ingestion.planner import due_devices
from assets.tariff_automation import DATASET as AUTOMATION
from assets.tariff_automation_settings import DATASET as SETTINGS
from assets.tariff_scheduler_slots import DATASET as SLOTS
from pipelines.discovery import known_state_of
from tests.support import clock
from tests.support.simulated_home import decode, rows_of
from warehouse.coverage import State

DAY = timedelta(days=1)
NOW = datetime(2025, 7, 1, 12, tzinfo=UTC)
TODAY = NOW.date()
BOTH = pytest.mark.parametrize("dataset", [AUTOMATION, SLOTS], ids=lambda dataset: dataset.name)
SHAPES = pytest.mark.parametrize("shape", ["list", "object"])
# The account has been a customer for ten days.
BEGUN = TODAY - 10 * DAY


def asked_for(day):
    return {"path": f"/smart-tariff/automation/{day}", "params": json.dumps({"start_date": day})}


def days_of(at_home):
    """Return the days that were requested since the last refresh."""
    days = []
    for request in at_home.simulator.requests:
        days.append(request.query.get("start_date") or request.path.rpartition("/")[2])
    return [date.fromisoformat(day) for day in days]


def refresh_at(at_home, dataset, moment):
    """Refresh at a moment of both clocks."""
    with clock.at(moment):
        at_home.simulator.set_clock(moment)
        return at_home.refresh(dataset)


def truth_of(sim, dataset, day):
    """Return what the simulator has of a day."""
    account = str(sim.account["id"])
    if dataset is AUTOMATION:
        return sim.truth_of("tariff-automation", account, date=day.isoformat())
    return sim.truth_of(
        "tariff-slots", account, start_date=day.isoformat(), end_date=day.isoformat()
    )


@BOTH
def test_likely_leaves_are_columns_and_all_are_kept(dataset):
    slot = {
        "start": "2025-06-03T01:00:00+01:00",
        "end_time": "2025-06-03T02:30:00Z",
        "mode": "charge",
        "rate": "7.5",
        "boost": [1],
    }
    (row,) = rows_of(decode(dataset, {"data": [slot]}, **asked_for("2025-06-03")), dataset.name)
    assert (row.pop("extra_digest") is None, row.pop("account")) == (False, "owner")
    assert row == {
        "date": date(2025, 6, 3),
        "slot": "2025-06-03T01:00:00+01:00",
        "start_at": datetime(2025, 6, 3, tzinfo=UTC),
        "end_at": datetime(2025, 6, 3, 2, 30, tzinfo=UTC),
        "action": "charge",
        "price": 7.5,
        "extra_fields": json.dumps(slot, separators=(",", ":")),
    }


@BOTH
@pytest.mark.parametrize(
    ("data", "slots"),
    [
        ([{"start": "00:30"}, {"start": "05:30", "end": None}], ["00:30", "05:30"]),
        ([{"id": 4}, {"x": 1}], ["4", "1"]),
        ({"version": 1, "slots": [{"start": "00:30"}]}, ["00:30"]),
        ({"night": {"soc": 100}, "day": {"soc": 4}}, ["night", "day"]),
        ({"version": 1, "did": "nothing"}, ["0"]),
        ({"slots": []}, []),
        (None, []),
    ],
)
def test_slots_come_in_every_shape(dataset, data, slots):
    rows = rows_of(decode(dataset, {"data": data}, **asked_for("2025-06-03")), dataset.name)
    assert [row["slot"] for row in rows] == slots
    # Without an offset from UTC a time of the day is not read.
    assert {row["start_at"] for row in rows} <= {None}


@pytest.mark.slow_but_first
@BOTH
@SHAPES
def test_the_history_is_read_until_there_is_nothing(home, dataset, shape):
    at_home = home(undocumented_as=shape, commissioned=BEGUN, clock=NOW)
    sim = at_home.simulator
    asked = []
    for number in range(4):
        moment = NOW + number * DAY
        assert refresh_at(at_home, dataset, moment).failures == []
        assert max(days_of(at_home)) == moment.date() - (number == 0) * DAY
        asked.append(days_of(at_home))
    # Yesterday alone shows whether there is anything; then come today, yesterday, and the history.
    assert [len(days) for days in asked] == [1, 2 + 28, 3, 3]
    last = (NOW + 3 * DAY).date()
    assert sorted(asked[3]) == [last - 2 * DAY, last - DAY, last]
    rows = at_home.rows(f"SELECT * FROM {dataset.name}_now")
    days = [BEGUN + number * DAY for number in range((last - BEGUN).days + 1)]
    assert {row["date"] for row in rows} == set(days)
    for day in days:
        truth = truth_of(sim, dataset, day)
        landed = {row["slot"]: row for row in rows if row["date"] == day}
        assert len(landed) == len(truth) == 2
        for sent in truth:
            start = sent.get("start", sent.get("start_time"))
            row = landed[start]
            assert row["start_at"] == datetime.fromisoformat(start)
            assert row["end_at"] == datetime.fromisoformat(sent.get("end", sent.get("end_time")))
            assert row["action"] == sent.get("action", sent.get("mode"))
            assert row["price"] == sent.get("rate", sent.get("price"))
            extra = json.loads(row["extra_fields"])
            # Nothing is archived that could be about the customer.
            about = extra.pop("answer", {})
            hidden = {"contract_number": "integer", "postcode": "string"}
            expected = {name: {"redacted": kind} for name, kind in hidden.items()}
            assert about == ({"version": 2} | expected if about else {})
            assert extra == sent


@pytest.mark.parametrize(
    ("start", "days"),
    [
        ("2025-06-03T00:00:00Z", {3}),
        ("2025-06-03", {3}),
        ("2025-06-03T12:00:00", {3}),
        ("2025-06-03T23:30:00+01:00", {3}),
        # As nobody documents in which time zone the API has days.
        ("2025-06-03T23:30:00Z", {3, 4}),
        ("2025-06-03T00:30:00+01:00", {2, 3}),
        ("00:30", {2, 3, 4}),
        (None, {2, 3, 4}),
    ],
)
def test_a_planned_slot_is_of_the_day_on_which_it_begins(start, days):
    slot = {"start_time": start, "mode": "charge"}
    for day in (2, 3, 4):
        decoded = decode(SLOTS, {"data": [slot]}, **asked_for(f"2025-06-0{day}"))
        assert decoded.tables[SLOTS.name].num_rows == (day in days), day
        assert decoded.quarantine.num_rows == 0


def test_a_planned_day_is_requested_with_its_end(home):
    """The API may exclude the last day, or include it."""
    at_home = home(commissioned=BEGUN, clock=NOW)
    refresh_at(at_home, SLOTS, NOW)
    (request,) = at_home.simulator.requests
    day = TODAY - DAY
    assert request.query == {"start_date": f"{day}", "end_date": f"{TODAY}"}
    found = at_home.rows(f"SELECT DISTINCT date FROM {SLOTS.name}")
    assert found == [{"date": day}]


@pytest.mark.slow
def test_a_slot_that_is_planned_no_more_ends(home):
    at_home = home(commissioned=BEGUN, clock=NOW)
    account = str(at_home.simulator.account["id"])
    for slots in ([{"start": "1"}, {"start": "2"}], [{"start": "2"}]):
        at_home.simulator.set_listing("tariff-slots", account, slots)
        refresh_at(at_home, SLOTS, NOW)
    found = at_home.rows(
        f"SELECT slot, valid_to IS NULL AS is_now FROM {SLOTS.name} WHERE date = '{TODAY - DAY}'"
        " ORDER BY slot"
    )
    assert found == [{"slot": "1", "is_now": False}, {"slot": "2", "is_now": True}]


@pytest.mark.parametrize(
    "answer",
    [
        {"is_enabled": True, "export_price": 15.2, "slot_overrides": [{"start_time": "17:00"}]},
        {"is_enabled": False, "export_price": None, "slot_overrides": []},
    ],
)
def test_settings_are_columns(answer):
    (row,) = rows_of(decode(SETTINGS, {"data": {**answer, "mode": "x"}}), SETTINGS.name)
    assert row.pop("account") == "owner"
    assert row.pop("extra_digest")
    assert row == {
        **answer,
        "slot_overrides": json.dumps(answer["slot_overrides"], separators=(",", ":")),
        "extra_fields": '{"mode":"x"}',
    }


def test_a_setting_of_another_type_is_kept():
    decoded = decode(SETTINGS, {"data": {"is_enabled": "yes", "export_price": "15"}})
    (row,) = rows_of(decoded, SETTINGS.name)
    assert (row["is_enabled"], row["export_price"]) == (None, 15.0)
    assert row["extra_fields"] == '{"is_enabled":"yes"}'
    assert decoded.quarantine.num_rows == 0


def test_each_change_of_the_settings_is_a_version(home):
    at_home = home()
    account = str(at_home.simulator.account["id"])
    (truth,) = at_home.simulator.truth_of("tariff-automation-settings", account)
    for changes in ({}, {}, {"export_price": 4.1}):
        at_home.simulator.set_listing("tariff-automation-settings", account, [truth | changes])
        assert at_home.refresh(SETTINGS).failures == []
        assert at_home.paths() == ["/smart-tariff/automation-settings"]
    rows = at_home.rows(f"FROM {SETTINGS.name} ORDER BY valid_from")
    assert [row["export_price"] for row in rows] == [truth["export_price"], 4.1]
    assert json.loads(rows[0]["slot_overrides"]) == truth["slot_overrides"]


@pytest.mark.slow_but_first
@pytest.mark.parametrize("dataset", [AUTOMATION, SLOTS, SETTINGS], ids=lambda each: each.name)
@pytest.mark.parametrize("refusal", ["version", "402", "403", "404"])
def test_an_account_without_a_tariff_is_asked_once_and_then_weekly(home, dataset, refusal):
    listing = {AUTOMATION: "tariff-automation", SLOTS: "tariff-slots"}.get(
        dataset, "tariff-automation-settings"
    )
    lacking = {"api_version": "1.26"} if refusal == "version" else {"refused": {listing: refusal}}
    at_home = home(**lacking)
    report = at_home.refresh(dataset)
    assert (len(at_home.paths()), report.failures, report.stopped) == (1, [], None)
    assert report.unavailable != []
    at_home.refresh_later(dataset)
    assert len(at_home.paths()) == 1
    assert at_home.refresh(dataset).failures == []
    assert at_home.paths() == []


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("status", [404, 422])
def test_a_day_that_is_refused_says_nothing_about_others(home, dataset, status):
    """There may be nothing of today yet, and tomorrow there is."""
    at_home = home(commissioned=BEGUN, clock=NOW)
    for number in range(3):
        moment = NOW + number * DAY
        at_home.simulator.clear_failures()
        refused = rf"(automation/|slots\?start_date=){moment.date()}"
        at_home.simulator.override(refused, b'{"message": "Not yet."}', status=status)
        report = refresh_at(at_home, dataset, moment)
        assert (report.failures, report.stopped, report.unavailable) == ([], None, [])
        assert len(days_of(at_home)) == (1, 30, 3)[number]
        with clock.at(moment), at_home.session() as session:
            assert due_devices(dataset, known_state_of(session, {})) == frozenset()
    rows = at_home.rows(f"SELECT DISTINCT date FROM {dataset.name}")
    begun = {BEGUN + number * DAY for number in range(12)}
    assert {row["date"] for row in rows} == begun


@pytest.mark.slow
@BOTH
def test_a_day_is_not_final_before_another_has_passed(home, dataset):
    at_home = home(commissioned=BEGUN, clock=NOW)
    for number in (0, 1):
        refresh_at(at_home, dataset, NOW + number * DAY)
    refresh_at(at_home, dataset, NOW + 10 * DAY)
    # Of these two there were answers, but not of the whole day.
    assert TODAY + DAY in days_of(at_home)
    assert min(days_of(at_home)) == TODAY
    refresh_at(at_home, dataset, NOW + 11 * DAY)
    assert len(days_of(at_home)) == 3


@pytest.mark.slow
@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_days_that_are_not_found_are_no_failure(home, status):
    """Before the contract began there may be nothing to be found, rather than an empty list."""
    at_home = home(commissioned=BEGUN, clock=NOW)
    refresh_at(at_home, AUTOMATION, NOW)
    missing = b'{"message": "Nothing for this day."}'
    at_home.simulator.override("/smart-tariff/automation/2025-0[56]", missing, status=status)
    # Seven days that are not found, or refused, end the search.
    for number in range(1, 4):
        moment = NOW + number * DAY
        report = refresh_at(at_home, AUTOMATION, moment)
        assert (report.failures, report.stopped) == ([], None)
        assert len(days_of(at_home)) == (30 if number == 1 else 3)
    assert sorted(days_of(at_home)) == [moment.date() - number * DAY for number in (2, 1, 0)]
    assert report.unavailable == []
    with clock.at(moment), at_home.session() as session:
        view = known_state_of(session, {})
        assert due_devices(AUTOMATION, view) == frozenset()
        (last,) = last_requests(view, [AUTOMATION])[AUTOMATION.name]
        assert last.is_settled


@pytest.mark.slow
@BOTH
def test_what_an_account_lacks_is_settled(home, dataset):
    at_home = home(api_version="1.26")
    at_home.refresh(dataset)
    at_home.refresh_later(dataset, hours=25)
    with at_home.session() as session:
        (last,) = last_requests(known_state_of(session, {}), [dataset])[dataset.name]
    assert last.is_settled


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("status", [404, 422])
def test_a_tariff_that_has_ended_is_asked_for_once_a_day(home, dataset, status):
    at_home = home(commissioned=BEGUN, clock=NOW)
    refresh_at(at_home, dataset, NOW)
    refresh_at(at_home, dataset, NOW + DAY)
    ended = b'{"message": "There is no tariff."}'
    at_home.simulator.override("/smart-tariff/", ended, status=status)
    moment = NOW + 2 * DAY
    report = refresh_at(at_home, dataset, moment)
    assert (report.failures, len(days_of(at_home)) > 0) == ([], True)
    for minutes in (20, 40, 60, 180, 240):
        with clock.at(moment + timedelta(minutes=minutes)), at_home.session() as session:
            state = known_state_of(session, {})
            assert due_devices(dataset, state) == frozenset(), minutes
            (last,) = last_requests(state, [dataset])[dataset.name]
            assert last.state is State.EMPTY
    at_home.simulator.set_clock(moment + DAY)
    with clock.at(moment + DAY), at_home.session() as session:
        assert due_devices(dataset, known_state_of(session, {})) == {""}
