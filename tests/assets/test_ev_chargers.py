"""EV chargers: every leaf, versions, personal names, and from when on their days are asked for."""

from datetime import UTC, date, datetime, timedelta

import pytest

from assets.ev_chargers import DATASET
from assets.ev_charging_sessions import DATASET as SESSIONS
from assets.ev_meter_readings import DATASET as READINGS
from assets.framework.contract.devices import DeviceKind
from assets.framework.ingestion.availability import unavailable
from tests.support import clock
from tests.support.api_examples import example, needs_shared, recorded
from tests.support.simulated_home import decode, ingest_days, rows_of

NOW = datetime(2025, 6, 20, 12, tzinfo=UTC)


def charger(**changes):
    return {
        "uuid": "charger-1",
        "serial_number": "11112222333344",
        "type": "GivEnergy",
        "alias": {"redacted": "string"},
        "online": False,
        "went_offline_at": "2025-06-01T10:00:00Z",
        "status": "SuspendedEV",
        **changes,
    }


def test_each_leaf_is_a_column():
    (row,) = rows_of(decode(DATASET, {"data": [charger()]}), DATASET.name)
    assert row == {
        "charger_uuid": "charger-1",
        "serial_number": "11112222333344",
        "type": "GivEnergy",
        "alias": None,
        "status": "SuspendedEV",
        "status_name": "SuspendedEV",
        "online": False,
        "went_offline_at": datetime(2025, 6, 1, 10, tzinfo=UTC),
        "extra_fields": None,
    }


def test_a_name_that_was_left_out_is_neither_drift_nor_quarantine():
    decoded = decode(DATASET, {"data": [charger()]})
    assert decoded.drift == []
    assert decoded.quarantine.num_rows == 0
    (row,) = rows_of(decode(DATASET, {"data": [charger(alias="Carport")]}), DATASET.name)
    assert row["alias"] == "Carport"


def test_odd_chargers_are_kept_or_quarantined():
    answer = [
        charger(uuid="a", status="charging", serial_number=17),
        charger(uuid="b", status="Dreaming", online=None, went_offline_at=None),
        charger(uuid="c", went_offline_at="a while ago", firmware="1.2"),
        charger(uuid=None),
        charger(uuid="d", online="perhaps"),
    ]
    decoded = decode(DATASET, {"data": answer})
    rows = {row["charger_uuid"]: row for row in rows_of(decoded, DATASET.name)}
    assert rows.keys() == {"a", "b", "c", "d"}
    assert rows["d"]["online"] is None
    assert (rows["a"]["status_name"], rows["a"]["serial_number"]) == ("Charging", "17")
    assert (rows["b"]["status_name"], rows["b"]["online"]) == ("unknown (Dreaming)", None)
    assert rows["c"]["went_offline_at"] is None
    assert rows["c"]["extra_fields"] == '{"firmware":"1.2","went_offline_at":"a while ago"}'
    entries = decoded.quarantine.to_pylist()
    assert {(r["row_index"], r["reason"], r["column"], r["is_row_kept"]) for r in entries} == {
        (3, "check_failed", "charger_uuid", False),
        (4, "not_decodable", "online", True),
    }


def test_a_list_with_a_row_that_cannot_be_read_ends_no_charger():
    whole = decode(DATASET, {"data": [charger()]})
    assert len(whole.listings) == 1
    assert decode(DATASET, {"data": [charger(), "unreadable"]}).listings == []
    assert len(decode(DATASET, {"data": [charger(uuid="d", online="perhaps")]}).listings) == 1


@needs_shared
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda: example("Get Your EV Chargers")["data"], id="list"),
        pytest.param(lambda: [example("Get EV Charger by UUID")["data"]], id="single"),
        pytest.param(lambda: [recorded("ev_charger")["data"]], id="recorded"),
    ],
)
def test_each_leaf_of_the_examples_lands(answer):
    sent = answer()
    decoded = decode(DATASET, {"data": sent})
    rows = rows_of(decoded, DATASET.name)
    assert [row.pop("status_name") for row in rows] == [row["status"] for row in sent]
    assert [row | {"uuid": row.pop("charger_uuid")} for row in rows] == [
        row | {"extra_fields": None} for row in sent
    ]
    assert decoded.drift == []


def test_a_charger_has_a_version_for_each_status(home):
    at_home = home(ev_chargers=2, clock=NOW)
    sim = at_home.simulator
    account = str(sim.account["id"])
    before = sim.truth_of("ev-charger", account)
    at_home.refresh(DATASET)
    at_home.refresh(DATASET)
    first = before[0] | {"status": "Charging", "online": True}
    sim.set_listing("ev-charger", account, [first])
    at_home.refresh(DATASET)
    rows = at_home.rows("FROM ev_chargers ORDER BY charger_uuid, valid_from")

    def versions(uuid):
        return [
            (row["status"], row["valid_to"] is None) for row in rows if row["charger_uuid"] == uuid
        ]

    assert versions(before[0]["uuid"]) == [(before[0]["status"], False), ("Charging", True)]
    assert versions(before[1]["uuid"]) == [(before[1]["status"], False)]
    assert {row["alias"] for row in rows} == {None}


@pytest.mark.slow
def test_the_owner_can_keep_the_names(home):
    at_home = home({"GIVLAKE_KEEP_PERSONAL": "ev_chargers:data[].alias"}, ev_chargers=2)
    at_home.refresh(DATASET)
    truth = at_home.simulator.truth_of("ev-charger", str(at_home.simulator.account["id"]))
    rows = at_home.rows("FROM ev_chargers")
    assert {r["charger_uuid"]: r["alias"] for r in rows} == {c["uuid"]: c["alias"] for c in truth}


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"account_type": "engineer"}, {"chargers_404": True}])
def test_an_account_without_chargers_is_found_out_once(home, settings):
    at_home = home(**settings)
    report = at_home.refresh(DATASET)
    assert report.failures == []
    assert len(report.unavailable) == 1
    at_home.refresh_later(DATASET)
    assert at_home.paths() == ["/ev-charger"]
    at_home.refresh(DATASET)
    assert at_home.paths() == []
    with at_home.session() as session:
        assert DATASET.name in unavailable(session.lake)


@pytest.fixture
def now(home):
    """Run a test at the simulator's present, which the API's responses tell."""
    del home
    with clock.at(NOW):
        yield NOW


@pytest.mark.slow
def test_history_begins_a_month_before_the_oldest_item_known(home, now):
    at_home = home(ev_chargers=1, clock=now, commissioned=date(2025, 3, 1))
    began = datetime.now(UTC)

    def commissioned():
        (found,) = at_home.devices(DATASET)[DeviceKind.EV_CHARGER]
        return found.commissioned_at + timedelta(days=31)

    assert timedelta(0) <= commissioned() - began < timedelta(minutes=1)
    at_home.refresh(SESSIONS, lists=(DATASET,))
    (uuid,) = at_home.simulator.charger_uuids
    first = at_home.simulator.truth_of("charging-sessions", uuid)[-1]["started_at"]
    assert commissioned() == datetime.fromisoformat(first)
    day = date(2025, 3, 1)
    assert day < commissioned().date()
    with at_home.session() as session:
        devices = at_home.devices(DATASET)[DeviceKind.EV_CHARGER]
        ingest_days(session, READINGS, devices, day - timedelta(days=2), day)
    assert commissioned() == datetime(2025, 3, 1, tzinfo=UTC)


@pytest.mark.slow
def test_days_after_a_charger_went_offline_or_left_are_not_requested(home, now):
    at_home = home(ev_chargers=1, clock=now, ev_offline_rate=0.0)
    sim = at_home.simulator
    (uuid,) = sim.charger_uuids

    def last_contact():
        at_home.refresh(DATASET)
        (found,) = at_home.devices(DATASET)[DeviceKind.EV_CHARGER]
        return found.last_contact_at

    assert last_contact() is None
    sim.take_offline(uuid, NOW - timedelta(days=3))
    assert last_contact() == NOW - timedelta(days=3)
    sim.bring_online(uuid, NOW - timedelta(hours=1))
    assert last_contact() is None
    sim.set_listing("ev-charger", str(sim.account["id"]), [])
    assert last_contact() > now
