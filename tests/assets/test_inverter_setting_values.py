"""Values of settings: what is a value and what a state, what is asked of whom, and when."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.ingestion.availability import Availability, Cause, Reason
from assets.framework.ingestion.ingest import ingest
from assets.framework.ingestion.planner import due_devices
from assets.framework.ingestion.snapshot import SnapshotPlan
from assets.inverter_setting_definitions import DATASET as DEFINITIONS
from assets.inverter_setting_values import DATASET, READS, VALUES
from givenergy.endpoints.control_endpoints import MULTI_SETTING_READ, SETTING_READ
from pipelines.discovery import discover, known_state_of
from tests.support import clock
from tests.support.simulated_home import decode, rows_of

LISTS = (COMMUNICATION_DEVICES,)
WEEKLY = {"GIVLAKE_READ_SETTINGS": "weekly"}
PATH = "/inverter/SIM0001/settings/17/read"


def decoded(data, **fields):
    """Return values and reads of a response to the reading of one setting."""
    rows = decode(DATASET, {"data": data}, path=PATH, **fields)
    return rows_of(rows, VALUES.name), rows_of(rows, READS.name)


class Household:
    """A home whose devices and definitions are known, and what it asks of its inverters."""

    def __init__(self, home):
        self.home = home
        self.sim = home.simulator
        self.told = []
        home.refresh(DEFINITIONS, lists=LISTS)

    def read(self, *, refetch=False, only_due=True, later=timedelta(), stop_after=None):
        """Read what is due; return the report."""
        moment = datetime.now(UTC) + later
        with clock.at(moment):
            self.sim.set_clock(moment)
            with self.home.session() as session:
                session.tell = self.told.append
                devices = discover(session, LISTS).devices
                self.sim.clear_requests()
                state = known_state_of(session, devices, refetch=refetch)
                only = due_devices(DATASET, state) if only_due else None

                def progress(report):
                    if stop_after is not None and report.total.done >= stop_after:
                        session.cancelled.set()

                plan = SnapshotPlan(DATASET, state, only=only)
                return ingest(session, DATASET, plan, progress=progress)

    def values(self, current=True):
        """Return the values by inverter and setting."""
        rows = self.home.rows(f"FROM {VALUES.name}{'_now' if current else ''}")
        return {(row["inverter_serial"], row["setting_id"]): row["value"] for row in rows}

    def truth(self):
        """Return the values that the simulated inverters have, as JSON."""
        return {
            (serial, row["id"]): json.dumps(row["value"])
            for serial in self.sim.serials
            for row in self.sim.truth_of("setting-values", serial)
        }

    def single(self, serial):
        """Return the paths of reading each readable setting of an inverter alone."""
        return [
            f"/inverter/{serial}/settings/{row['id']}/read"
            for row in self.sim.truth_of("setting-values", serial)
        ]


@pytest.fixture
def household(home):
    """Make a household that reads its settings weekly."""

    def make(settings=WEEKLY, **of_simulator):
        return Household(home(settings, **of_simulator))

    return make


@pytest.mark.parametrize(
    ("sent", "text", "number", "is_on"),
    [
        (326.13, None, 326.13, None),
        ("05:30", "05:30", None, None),
        ("100", "100", None, None),
        (True, None, None, True),
        (False, None, None, False),
        (0, None, 0.0, None),
        (-8, None, -8.0, None),
        (-1.5, None, -1.5, None),
        ([1, 2], None, None, None),
    ],
)
def test_a_value_is_kept_as_sent_and_typed(sent, text, number, is_on):
    (value,), (read,) = decoded({"value": sent})
    assert value["inverter_serial"] == "SIM0001"
    assert value["setting_id"] == read["setting_id"] == 17
    assert (value["value_text"], value["value_number"], value["is_on"]) == (text, number, is_on)
    assert value["value"] == read["value"]
    assert (read["has_value"], read["state_code"]) == (True, None)


@pytest.mark.parametrize("code", range(-6, 0))
@pytest.mark.parametrize("says_so", [True, False])
def test_a_code_is_a_state_and_never_a_value(code, says_so):
    failure = {"success": False, "message": "No."} if says_so else {}
    values, (read,) = decoded({"value": code, **failure})
    assert values == []
    assert (read["has_value"], read["state_code"]) == (False, code)
    assert read["state_code_name"]
    assert read["message"] == failure.get("message")


def test_success_decides_what_a_negative_number_is():
    (value,), (read,) = decoded({"value": -2, "success": True, "message": "Read"})
    assert (value["value_number"], read["has_value"], read["success"]) == (-2.0, True, True)
    values, (read,) = decoded({"value": -40, "success": False})
    assert (values, read["state_code"]) == ([], -40)
    values, (read,) = decoded({"value": 5, "success": False})
    assert (values, read["has_value"], read["state_code"]) == ([], False, None)
    values, (read,) = decoded({"value": None})
    assert (values, read["has_value"], read["state_code"]) == ([], False, None)


def test_a_joint_response_is_about_each_inverter():
    rows = decode(
        DATASET,
        {"SIM0001": {"response": 7, "note": "x"}},
        path="/multi-control/read",
        params='{"inverter_serials":["SIM0001"],"setting_id":303}',
    )
    (value,), (read,) = rows_of(rows, VALUES.name), rows_of(rows, READS.name)
    assert (value["setting_id"], value["value_number"]) == (303, 7.0)
    assert (read["response"], read["value"], read["extra_fields"]) == ("7", None, '{"note":"x"}')


def test_what_is_no_answer_is_quarantined():
    rows = decode(DATASET, {"data": 3}, path=PATH)
    (quarantined,) = rows.quarantine.to_pylist()
    assert (quarantined["reason"], quarantined["raw"]) == ("not_decodable", "3")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"data": {"value": 3}, "message": "Read", "meta": {"version": 2}},
            {"value": "3", "has_value": True, "message": "Read"},
        ),
        (
            {"data": {"value": -1}, "success": False},
            {"value": "-1", "has_value": False, "state_code": -1, "success": False},
        ),
        ({"data": {"value": -1, "success": True}, "success": False}, {"has_value": True}),
        ({"data": None, "success": False}, {"value": None, "has_value": False, "success": False}),
    ],
)
def test_of_a_single_answer_only_data_is_about_the_inverter(body, expected):
    rows = decode(DATASET, body, path=PATH)
    (read,) = rows_of(rows, READS.name)
    assert (read["inverter_serial"], read["setting_id"]) == ("SIM0001", 17)
    assert {name: read[name] for name in expected} == expected
    assert len(rows_of(rows, VALUES.name)) == read["has_value"]


@pytest.mark.slow
def test_no_value_and_no_success_is_no_answer(household):
    house = household(inverters=1)
    (serial,) = house.sim.serials
    house.sim.override("/read$", b'{"data": null, "success": false}')
    house.read()
    assert len(house.home.paths()) == 2
    assert house.told == [
        f"{DATASET.name}: {serial} did not answer; 7 more not asked for in this run."
    ]


@pytest.mark.slow
def test_a_joint_answer_can_be_in_data(household):
    house = household({**WEEKLY, "GIVLAKE_READ_SETTING_NAMES": "303,304"})
    first, second = house.sim.serials
    answers = {serial: {"response": 50} for serial in (first, second, "OTHER00000")}
    body = json.dumps({"data": answers, "message": "Read"}).encode()
    house.sim.override("/multi-control/read", body)
    house.read()
    assert house.home.paths() == ["/multi-control/read"] * 2
    keys = {(serial, setting) for serial in (first, second) for setting in (303, 304)}
    assert house.values() == dict.fromkeys(keys, "50")


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [b'{"message": "x"}', b'{"data": {}}', b'{"data": 3, "message": "x"}', b"[]", b'[{"data": 3}]'],
)
def test_joint_answers_about_nobody_are_not_asked_for_again(household, body):
    house = household()
    house.sim.override("/multi-control/read", body)
    house.read()
    assert house.home.paths().count("/multi-control/read") == 1
    assert len(house.home.paths()) == 1 + 2 * 9
    assert house.values() == house.truth()


@pytest.mark.slow
def test_what_is_refused_of_one_inverter_is_read_of_the_other(household):
    house = household()
    first, second = house.sim.serials
    with house.home.session() as session:
        for hours in (-2, 0):
            with clock.at(datetime.now(UTC) + timedelta(hours=hours)):
                reason = Reason("No.", Cause.NOT_OFFERED)
                Availability(session.lake, DATASET.name).note(f"{first} 17", reason)
    house.read()
    paths = house.home.paths()
    assert paths.count(f"/inverter/{second}/settings/17/read") == 1
    assert paths.count("/multi-control/read") == 8
    assert house.values() == {k: v for k, v in house.truth().items() if k != (first, 17)}


@pytest.mark.slow
@pytest.mark.parametrize(("status", "message"), [(404, "No query results"), (423, "Locked")])
def test_what_the_api_refuses_is_no_silence_of_the_inverter(household, status, message):
    house = household(inverters=1)
    first, *refused, last = house.single(*house.sim.serials)
    for path in refused:
        body = json.dumps({"message": message}).encode()
        house.sim.override(path, body, status=status)
    house.read()
    assert house.home.paths() == [first, *refused, last]
    assert house.told == []
    assert len(house.values()) == 2


@pytest.mark.slow
@pytest.mark.parametrize("status", [409, 423])
def test_what_is_refused_is_settled_until_the_next_time(household, status):
    house = household(inverters=1)
    serial, (first, *rest) = house.sim.serials[0], house.single(*house.sim.serials)
    house.sim.override(first, b'{"message": "Locked"}', status=status)
    assert len(house.read().failures) == 1
    assert house.home.paths() == [first, *rest]
    house.read(later=timedelta(hours=21))
    assert house.home.paths() == []
    house.sim.clear_failures()
    house.read(later=timedelta(days=7))
    assert house.home.paths() == house.single(serial)
    assert house.values() == house.truth()


def test_all_values_arrive_by_one_request_for_each_setting(household):
    house = household()
    report = house.read()
    assert report.failures == []
    assert house.values() == house.truth()
    assert house.home.paths() == ["/multi-control/read"] * 9
    assert house.sim.commands_received == 0
    assert len(house.sim.device_reads) == 9
    assert house.read().total.done == 0
    assert house.home.paths() == []


@pytest.mark.slow
def test_one_inverter_is_read_setting_by_setting_and_one_at_a_time(household):
    house = household(inverters=1, device_read_s=0.02)
    house.read()
    assert house.values() == house.truth()
    assert house.home.paths() == house.single(*house.sim.serials)
    requests = house.sim.requests
    ends = [each.received_at + each.duration_s for each in requests]
    assert all(end <= later.received_at for end, later in zip(ends, requests[1:], strict=False))


@pytest.mark.slow
def test_eighty_settings_of_two_inverters_take_a_request_each(household):
    house = household(more_settings=71)
    house.read()
    assert len(house.home.paths()) == 80
    assert house.values() == house.truth()


@pytest.mark.slow
def test_without_the_setting_nothing_is_asked(home):
    house = Household(home())
    for how in ({}, {"only_due": False}, {"refetch": True}):
        assert house.read(**how).total.done == 0
    assert house.sim.device_reads == []
    with house.home.session() as session:
        for request in (DATASET.request_of("17", ["A"]), DATASET.request_of("17", ["A", "B"])):
            with pytest.raises(ValueError, match="for which this client is not opened"):
                session.client.fetch(request.endpoint, path=request.path, body=request.body)
    assert house.sim.device_reads == []


@pytest.mark.slow
@pytest.mark.parametrize("chosen", ["night charge TARGET,17", " 303 , limit charging from grid"])
def test_named_settings_only(household, chosen):
    house = household({**WEEKLY, "GIVLAKE_READ_SETTING_NAMES": chosen})
    house.read()
    assert {setting for _, setting in house.values()} == {17, 303}
    assert len(house.home.paths()) == 2


@pytest.mark.slow
def test_a_change_begins_a_version_and_a_time_out_does_not(household):
    house = household(inverters=1)
    (serial,) = house.sim.serials
    house.sim.set_setting(serial, 303, 80)
    house.read()
    house.sim.set_device_state(serial, -1)
    house.read(later=timedelta(days=8))
    house.sim.set_device_state(serial, None)
    house.read(later=timedelta(days=9))
    house.sim.set_setting(serial, 303, 90)
    house.read(later=timedelta(days=17))
    versions = house.home.rows(f"FROM {VALUES.name} WHERE setting_id = 303 ORDER BY valid_from")
    assert [row["value_number"] for row in versions] == [80.0, 90.0]
    assert versions[0]["valid_to"] == versions[1]["valid_from"]
    assert versions[1]["valid_to"] is None
    reads = house.home.rows(f"FROM {READS.name} WHERE setting_id = 17 ORDER BY read_at")
    assert [row["state_code"] for row in reads] == [None, -1, None, None]


@pytest.mark.slow_but_first
@pytest.mark.parametrize(
    ("code", "says_so", "asked"),
    [
        (-1, True, 2),
        (-6, False, 2),
        (-5, True, 2),
        (-2, False, 1),
        (-3, True, 1),
        (-7, False, 1),
        (-4, True, 9),
    ],
)
def test_a_device_that_gives_no_value_is_left_alone(household, code, says_so, asked):
    house = household(inverters=1)
    (serial,) = house.sim.serials
    house.sim.set_device_state(serial, code, says_so=says_so)
    report = house.read()
    assert report.failures == []
    assert len(house.home.paths()) == asked
    assert house.values() == {}
    said = [line for line in house.told if serial in line]
    assert len(said) == (code != -4)
    assert all(f"({code}); {9 - asked} more" in line for line in said)
    # Not again before the next time that it is due, even if it would answer.
    house.sim.set_device_state(serial, None)
    house.read(later=timedelta(hours=19))
    assert house.home.paths() == []
    house.read(later=timedelta(hours=21))
    assert len(house.home.paths()) == (0 if code == -4 else 9)


@pytest.mark.slow
def test_two_time_outs_in_a_row_not_two_in_all(household):
    house = household(inverters=1)
    (serial,) = house.sim.serials
    first, *_, last = house.single(serial)
    for path in (first, last):
        house.sim.override(path, b'{"data": {"value": -1}}')
    house.read()
    assert len(house.home.paths()) == 9
    assert house.told == []
    assert len(house.values()) == 7


@pytest.mark.slow
def test_one_of_two_inverters_is_offline(household):
    house = household()
    offline, online = house.sim.serials
    house.sim.set_device_state(offline, -2)
    report = house.read()
    assert report.failures == []
    assert house.home.paths() == ["/multi-control/read", *house.single(online)[1:]]
    assert {serial for serial, _ in house.values()} == {online}
    assert house.values() == {k: v for k, v in house.truth().items() if k[0] == online}
    assert [line for line in house.told if offline in line] == [
        f"{DATASET.name}: {offline} is offline (-2); 8 more not asked for in this run."
    ]
    house.sim.set_device_state(offline, None)
    house.read(later=timedelta(hours=21))
    assert house.home.paths() == house.single(offline)
    assert house.values() == house.truth()


@pytest.mark.slow_but_first
@pytest.mark.parametrize("status", [403, 404, 405, 422])
def test_where_joint_reading_is_refused_each_is_read_alone(household, status):
    house = household(refused={"multi-setting-values": str(status)})
    report = house.read()
    assert report.failures == []
    expected = [
        path for pair in zip(*map(house.single, house.sim.serials), strict=True) for path in pair
    ]
    assert house.home.paths() == ["/multi-control/read", *expected]
    assert house.values() == house.truth()
    assert report.unavailable == []


@pytest.mark.slow
def test_where_a_joint_read_fails_each_is_read_alone(household):
    house = household()
    house.sim.fail("/multi-control/read", status=504)
    report = house.read()
    assert report.failures == []
    expected = [
        path for pair in zip(*map(house.single, house.sim.serials), strict=True) for path in pair
    ]
    assert house.home.paths() == ["/multi-control/read", *expected]
    assert house.values() == house.truth()


@pytest.mark.slow
def test_an_inverter_missing_from_a_joint_answer_is_read_alone(household):
    house = household({**WEEKLY, "GIVLAKE_READ_SETTING_NAMES": "303"})
    first, second = house.sim.serials
    house.sim.override("/multi-control/read", b'{"%s": {"response": 50}}' % first.encode())
    house.read()
    assert house.home.paths() == ["/multi-control/read", f"/inverter/{second}/settings/303/read"]
    assert house.values()[first, 303] == "50"
    assert house.values()[second, 303] == house.truth()[second, 303]


@pytest.mark.slow
def test_a_read_that_times_out_is_sent_once(household):
    house = household({**WEEKLY, "GIVLAKE_RETRY_S": "75"}, inverters=1)
    house.sim.fail("/settings/.*/read", status=504)
    report = house.read()
    assert house.home.paths() == house.single(*house.sim.serials)[:2]
    assert len(report.failures) == 2
    house.sim.clear_failures()
    house.read(later=timedelta(hours=2))
    assert house.home.paths() == []
    house.read(later=timedelta(hours=21))
    assert house.values() == house.truth()


@pytest.mark.slow
def test_reads_that_time_out_are_no_outage_of_the_api(household):
    house = household({**WEEKLY, "GIVLAKE_RETRY_S": "75"}, inverters=5)
    house.sim.fail("/read$", status=504)
    report = house.read()
    sent = house.home.paths()
    assert len(sent) == len(set(sent)) == 11
    assert len(report.failures) == 10
    with house.home.session() as session:
        assert session.budget.snapshot().host_down_for_s is None


@pytest.mark.slow
def test_a_page_of_a_firewall_is_met_once(household):
    house = household({**WEEKLY, "GIVLAKE_RETRY_S": "75"}, refused={"setting-values": "403 html"})
    house.sim.override("/multi-control/read", b'{"X": {"response": 1}}')
    report = house.read()
    assert report.stopped is not None
    assert house.home.paths() == ["/multi-control/read", house.single(house.sim.serials[0])[0]]


@pytest.mark.slow
def test_settings_that_can_only_be_written_are_never_read(household):
    house = household(inverters=1)
    house.read(refetch=True)
    assert f"/inverter/{house.sim.serials[0]}/settings/312/read" not in house.home.paths()
    assert 312 in {row["id"] for row in house.sim.truth_of("settings", house.sim.serials[0])}


@pytest.mark.slow
@pytest.mark.parametrize(("every", "hours"), [("daily", 20), ("weekly", 6 * 24 + 12)])
def test_values_are_due_after_a_day_or_a_week(household, every, hours):
    house = household({"GIVLAKE_READ_SETTINGS": every}, inverters=1)
    house.read()
    house.read(later=timedelta(hours=hours - 1))
    assert house.home.paths() == []
    house.read(later=timedelta(hours=hours + 1))
    assert len(house.home.paths()) == 9


@pytest.mark.slow
def test_an_interrupted_run_goes_on_where_it_was(household):
    house = household(inverters=1)
    assert house.read(stop_after=3).cancelled
    done = house.home.paths()
    assert 3 <= len(done) < 9
    house.read()
    assert house.home.paths() == house.single(*house.sim.serials)[len(done) :]
    assert house.values() == house.truth()


@pytest.mark.slow
def test_no_inverters(household):
    house = household(inverters=0)
    assert house.read().total.done == 0
    assert house.sim.device_reads == []


@pytest.mark.slow
def test_a_token_without_the_scope_is_found_out_by_one_request(household):
    house = household()
    house.sim.override("/read$", b'{"message": "Invalid scope(s) provided."}', status=403)
    report = house.read()
    assert report.failures == []
    assert house.home.paths() == ["/multi-control/read", house.single(house.sim.serials[0])[0]]
    assert "api:inverter:control" in report.unavailable[0]
    house.read()
    assert len(house.home.paths()) == 2


@pytest.mark.slow
def test_two_processes_read_nothing_twice(household):
    house = household(inverters=1, device_read_s=0.05)
    reports = []
    with house.home.session() as one, house.home.session() as other:
        devices = discover(one, LISTS).devices
        house.sim.clear_requests()

        def run(session):
            state = known_state_of(session, devices)
            reports.append(ingest(session, DATASET, SnapshotPlan(DATASET, state)))

        threads = [threading.Thread(target=run, args=(each,)) for each in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(house.home.paths()) == sorted(house.single(*house.sim.serials))
    assert house.values() == house.truth()
    assert [report.failures for report in reports] == [[], []]


def test_the_endpoints_are_the_ones_that_read():
    assert DATASET.request_of("17", ["A"]).endpoint is SETTING_READ
    assert DATASET.request_of("17", ["A", "B"]).endpoint is MULTI_SETTING_READ
