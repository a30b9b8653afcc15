"""What is due follows from the last requests: for many devices, and whatever they are called."""

import copy
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.contract.known_state import KnownState
from assets.framework.contract.request import Request
from assets.framework.ingestion.last_requests import LastRequest, last_requests, of_kinds
from assets.framework.ingestion.planner import due_devices
from assets.inverter_health import DATASET as HEALTH
from assets.inverter_system_readings import DATASET as SYSTEM_READINGS
from givenergy.endpoints.definition import Endpoint
from givenergy.endpoints.inverter_endpoints import ENERGY_FLOWS
from pipelines.discovery import discover, known_state_of
from tests.support import clock
from tests.support.toy_decoder import ToyDecoder, answer, failure
from warehouse.catalogue import publish
from warehouse.coverage import State, refresh_coverage
from warehouse.lake import Lake

LISTS = (COMMUNICATION_DEVICES,)
AT = datetime(2025, 6, 1, tzinfo=UTC)
THREE_MINUTES = timedelta(minutes=3)
SERIALS = st.sampled_from(["SA0001", "SA0002", "SA0003", "AB/1", ""])
GROUPINGS = st.sampled_from([None, 0, 1, 2])


def request_of(serial, grouping):
    query = {} if grouping is None else {"grouping": grouping}
    return Request(path={"inverter": serial}, query=query, device_id=serial)


def last_of(serial, grouping):
    kind = "{}" if grouping is None else f'{{"grouping":{grouping},"start_time":""}}'
    path = f"/inverter/{serial}/energy-flows"
    return LastRequest(serial, kind, State.COMPLETE, AT, AT, path=path)


@given(
    st.lists(st.tuples(SERIALS, GROUPINGS), max_size=8),
    st.lists(st.tuples(SERIALS, GROUPINGS), max_size=8),
)
def test_requests_are_of_a_kind_by_path_and_numbers(known, requests):
    last = [last_of(*each) for each in known]
    made = [request_of(*each) for each in requests]
    matching, matched = of_kinds(last, made, ENERGY_FLOWS)

    def is_of(last_request, request):
        serial, grouping = last_request
        return request[0] == serial not in ("AB/1", "") and request[1] in (None, grouping)

    assert [id(each) for each in matching] == [
        id(each)
        for each, about in zip(last, known, strict=True)
        if any(is_of(about, request) for request in requests)
    ]
    assert {id(each) for each in matched} == {
        id(each)
        for each, about in zip(made, requests, strict=True)
        if any(is_of(other, about) for other in known)
    }


def test_the_last_result_is_the_last_one_archived_whatever_the_clock_said(tmp_path):
    """A machine's clock that is corrected, or put right, goes back between two commands."""
    about = {"dataset": HEALTH.name, "path": "/inverter/SA0001/health"}
    outcomes = [
        (State.COMPLETE, answer("SA0001", None, [{}], **about, fetched_at=AT)),
        (State.FORBIDDEN, failure("SA0001", None, 403, **about, fetched_at=AT - THREE_MINUTES)),
        (State.PARTIAL, answer("SA0001", None, [{}], **about, complete=False, fetched_at=AT)),
        (State.FAILED, failure("SA0001", None, 404, **about, fetched_at=AT - THREE_MINUTES)),
        (State.COMPLETE, answer("SA0001", None, [{}], **about, fetched_at=AT - 2 * THREE_MINUTES)),
    ]
    with Lake(tmp_path) as lake:
        for number, (expected, entry) in enumerate(outcomes):
            lake.archive.append([entry])
            lake.archive.flush()
            refresh_coverage(lake, [])
            publish(lake, ToyDecoder().tables)
            state = KnownState(lake, {}, "", AT, "Europe/London", 1)
            (last,) = last_requests(state, [HEALTH])[HEALTH.name]
            assert (last.state, last.at) == (expected, entry.fetched_at), number
    assert last.complete_at == AT - 2 * THREE_MINUTES


def test_the_work_grows_with_the_number_of_requests_not_with_its_square(monkeypatch):
    formed = []
    url_path = Endpoint.url_path
    monkeypatch.setattr(
        Endpoint, "url_path", lambda self, names: formed.append(names) or url_path(self, names)
    )
    serials = [f"SA{number:06}" for number in range(400)]
    known = [last_of(serial, 1) for serial in serials]
    matching, matched = of_kinds(known, [request_of(each, 1) for each in serials], ENERGY_FLOWS)
    assert (len(matching), len(matched), len(formed)) == (400, 400, 400)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["AB/1", "AB#1", ".."])
def test_a_name_that_no_request_can_be_made_of_stops_no_other_device(home, name):
    at_home = home(inverters=1, api_version="1.26")
    sim = at_home.simulator
    account = str(sim.account["id"])
    (real,) = sim.truth_of("communication-device", account)
    other = copy.deepcopy(real)
    other["serial_number"] = other["inverter"]["serial"] = name
    sim.set_listing("communication-device", account, [real, other])
    # The API lacks it, which is then known of all requests, also of that for the odd name.
    at_home.refresh(HEALTH, lists=LISTS)
    at_home.refresh_later(HEALTH, hours=2, lists=LISTS)
    with clock.at(datetime.now(UTC) + timedelta(hours=3)), at_home.session() as session:
        state = known_state_of(session, discover(session, LISTS).devices)
        assert len(last_requests(state, [HEALTH])[HEALTH.name]) == 1
        assert due_devices(HEALTH, state) == frozenset()
    report = at_home.refresh_later(SYSTEM_READINGS, hours=4, lists=LISTS)
    assert report.total.rows == 1
    assert name in str([str(each.error) for each in report.failures])
