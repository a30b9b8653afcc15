"""What is concluded from refusals: by how many requests, when it is believed, and until when."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.energy_flow_aggregates import DATASET as AGGREGATES
from assets.ev_chargers import DATASET as EV_CHARGERS
from assets.framework.ingestion.availability import Availability, Cause, Refusal, unavailable
from assets.framework.ingestion.fetch_result import DatasetStoppedError, Outcome
from assets.framework.ingestion.refusals import MOST_WITHOUT_RESPONSE
from assets.inverter_events import DATASET as EVENTS
from assets.inverter_grid_meter_readings import DATASET as GRID_METERS
from assets.inverter_presets import DATASET as PRESETS
from assets.inverter_system_readings import DATASET as SYSTEM_READINGS
from tests.support import clock

LISTS = (COMMUNICATION_DEVICES,)
PAGE = b"<html><head><title>Blocked</title></head></html>"
NO = b'{"message": "The given data was invalid."}'
AT = datetime(2025, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("refusal", "confirmed", "again", "age"),
    [
        (Refusal("No.", AT), False, AT, "refused 2025-06-01 00:00 UTC, asked again by the next"),
        (Refusal("No.", AT, AT - HOUR / 2), False, AT, "refused 2025-05-31 23:30 UTC, asked"),
        (
            Refusal("No.", AT, AT - HOUR),
            True,
            AT + 20 * HOUR,
            "refused since 2025-05-31 23:00 UTC, last asked 2025-06-01 00:00 UTC, asked again after"
            " 2025-06-01 20:00 UTC",
        ),
        (Refusal("No.", AT, AT - HOUR, True), True, AT + 156 * HOUR, "after 2025-06-07 12:00 UTC"),
        (
            Refusal("No.", AT, AT - HOUR, cause=Cause.NOT_OFFERED),
            True,
            AT + 156 * HOUR,
            "asked again after 2025-06-07 12:00 UTC",
        ),
        (Refusal("No.", AT, AT - HOUR, cause=Cause.SCOPE), True, AT + 20 * HOUR, "06-01 20:00"),
    ],
)
def test_when_a_refusal_is_believed_and_asked_again(refusal, confirmed, again, age):
    assert (refusal.is_confirmed, refusal.asked_again_at) == (confirmed, again)
    assert age in str(refusal)


def test_a_refusal_of_an_earlier_version_is_not_believed_but_asked_again(home):
    at_home = home(inverters=1)
    with at_home.session() as session:
        session.lake.state.set(
            "unavailable", {"ev_chargers": {"": {"why": "No.", "at": AT.isoformat()}}}
        )
        assert Availability(session.lake, "ev_chargers").why("", AT) is None
    at_home.refresh(EV_CHARGERS)
    assert at_home.paths() == ["/ev-charger"]
    with at_home.session() as session:
        assert unavailable(session.lake) in ({}, {"ev_chargers": {}})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dataset", "path", "most"),
    [(GRID_METERS, "/meter/data", 4), (PRESETS, "/presets", 3), (AGGREGATES, "/energy-flows", 4)],
)
def test_many_devices_that_refuse_every_range_cost_a_handful_of_requests(home, dataset, path, most):
    at_home = home(inverters=40)
    at_home.simulator.override(path, NO, status=422)
    report = at_home.refresh(dataset, lists=LISTS)
    assert most <= len(at_home.paths()) < most + 4
    assert isinstance(report.stopped, DatasetStoppedError)
    assert "all devices that were asked refuse it, whatever the range" in str(report.stopped)
    assert not report.is_complete
    with at_home.session() as session:
        assert unavailable(session.lake)[dataset.name][""].weekly
    # Another time it is refused again: it is believed, and is no failure from then on.
    report = at_home.refresh_later(dataset, lists=LISTS)
    assert len(at_home.paths()) < most + 4
    assert (report.failures, report.stopped) == ([], None)
    at_home.refresh(dataset, lists=LISTS)
    assert at_home.paths() == []


def test_a_range_that_is_too_long_is_learnt_and_not_a_refusal(home):
    at_home = home(inverters=1, commissioned=datetime.now(UTC).date() - 9 * HOUR)
    at_home.simulator.override("/meter/data", NO, status=422, times=1)
    report = at_home.refresh(GRID_METERS, lists=LISTS)
    assert (report.failures, report.stopped) == ([], None)
    with at_home.session() as session:
        assert unavailable(session.lake) == {}


def test_one_device_that_refuses_is_closed_and_the_others_are_fetched(home):
    at_home = home(inverters=6)
    sim = at_home.simulator
    first, *others = sorted(sim.serials)
    sim.override(f"/{first}/presets", NO, status=422)
    report = at_home.refresh(PRESETS, lists=LISTS)
    assert report.stopped is None
    assert [(r.request.device_id, r.outcome) for r in report.failures] == [(first, Outcome.FAILED)]
    assert sorted(path.split("/")[2] for path in at_home.paths()) == [first, *others]
    with at_home.session() as session:
        assert list(unavailable(session.lake)["inverter_presets"]) == [first]
    # The next run asks it again, after the others; an all-clear needs nothing else.
    sim.clear_failures()
    assert at_home.refresh(PRESETS, lists=LISTS).failures == []
    assert f"/inverter/{first}/presets" in at_home.paths()[1:]
    with at_home.session() as session:
        assert not unavailable(session.lake).get("inverter_presets")


@pytest.mark.slow
def test_devices_that_were_refused_make_room_for_others_in_the_next_run(home):
    at_home = home(inverters=8)
    sim = at_home.simulator
    *refusing, last = sorted(sim.serials)
    said = b'{"message": "This action is unauthorized."}'
    sim.override(f"/({'|'.join(refusing)})/events", said, status=403)
    for number in range(3):
        report = at_home.refresh(EVENTS, lists=LISTS)
        if number < 2:
            assert 3 <= len({path.split("/")[2] for path in at_home.paths()}) < 7
            assert report.total.rows == 0
    assert any(last in path for path in at_home.paths())


@pytest.mark.slow
def test_devices_that_are_gone_do_not_stop_those_that_are_there(home):
    at_home = home(inverters=3, gone=5)
    report = at_home.refresh(EVENTS, lists=LISTS)
    assert (report.failures, report.stopped) == ([], None)
    asked = {path.split("/")[2] for path in at_home.paths()}
    assert len(asked) == 8
    answered = {result.request.device_id for result in report.results if result.rows}
    assert answered <= set(at_home.simulator.serials)
    assert len(answered) > 0


@pytest.mark.slow
@pytest.mark.parametrize("status", [404, 500])
def test_a_dataset_without_any_response_is_stopped_after_some_requests(home, status):
    at_home = home(inverters=30)
    at_home.simulator.fail("system-data/latest", status=status)
    report = at_home.refresh(SYSTEM_READINGS, lists=LISTS)
    # A host that seems down is asked less often; where responses are slow, a few are in flight.
    assert len(at_home.paths()) < MOST_WITHOUT_RESPONSE + 4
    assert "requests without a response; the last: " in str(report.stopped)


@pytest.mark.slow
@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_page_in_place_of_the_api_stops_the_dataset_and_is_not_remembered(home, status):
    at_home = home(inverters=30)
    sim = at_home.simulator
    sim.override("/events", PAGE, status=status, content_type="text/html")
    report = at_home.refresh(EVENTS, lists=LISTS)
    assert len(at_home.paths()) == 1
    assert f'the HTML page "Blocked" with status {status}' in str(report.stopped)
    with at_home.session() as session:
        assert unavailable(session.lake) == {}
        assert session.lake.state.get("longest_range_days") is None
    sim.clear_failures()
    assert at_home.refresh(EVENTS, lists=LISTS).failures == []


@pytest.mark.slow
def test_a_plan_that_lacks_an_optional_endpoint_leaves_the_others(home):
    at_home = home(inverters=5)
    at_home.simulator.override("/presets", b'{"message": "Premium only."}', status=402)
    report = at_home.refresh(PRESETS, lists=LISTS)
    assert (report.stopped, report.failures) == (None, [])
    assert "Premium only." in report.unavailable[0]
    assert 3 <= len(at_home.paths()) <= 5


def test_a_proxy_that_wants_a_login_stops_the_run(home):
    at_home = home(inverters=5)
    at_home.simulator.override("/events", PAGE, status=407)
    report = at_home.refresh(EVENTS, lists=LISTS)
    assert len(at_home.paths()) == 1
    assert "HTTPS_PROXY" in str(report.stopped)


@pytest.mark.slow
def test_a_refused_range_is_learnt_only_where_a_shorter_one_is_accepted(home):
    from assets.energy_flows import DATASET as FLOWS
    from assets.framework.ingestion.range_limits import longest_range
    from tests.support.simulated_home import ingest_days

    at_home = home(inverters=1, flows_max_days=10)
    today = datetime.now(UTC).date()
    with at_home.session() as session:
        from pipelines.discovery import discover

        (inverters,) = [found for found in discover(session, LISTS).devices.values() if found]
        at_home.simulator.override("energy-flows", NO, status=422)
        start, end = today - timedelta(days=70), today - timedelta(days=9)
        report = ingest_days(session, FLOWS, inverters, start, end)
        assert len(report.failures) > 0
        assert session.lake.state.get("longest_range_days") is None
        at_home.simulator.clear_failures()
        report = ingest_days(session, FLOWS, inverters, start, end)
        assert report.failures == []
        learnt = session.lake.state.get("longest_range_days")["energy_flows"]
        assert 1 <= learnt["days"] <= 10
        assert longest_range(session, FLOWS) == learnt["days"]
    # A limit is tried again after a month, and those of earlier versions have no date.
    for hours, limit in ((1, learnt["days"]), (31 * 24, session.range_days)):
        with clock.at(datetime.now(UTC) + hours * HOUR), at_home.session() as later:
            assert longest_range(later, FLOWS) == limit
    with at_home.session() as session:
        session.lake.state.set("longest_range_days", json.loads('{"energy_flows": 1}'))
        assert longest_range(session, FLOWS) == session.range_days
