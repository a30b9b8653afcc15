"""EV charging sessions: every leaf, tags and their pseudonyms, open sessions, what is asked for."""

from datetime import UTC, date, datetime, timedelta

import pytest

from assets.ev_chargers import DATASET as CHARGERS
from assets.ev_charging_sessions import DATASET
from assets.framework.contract.devices import Device, DeviceKind
from assets.framework.contract.known_state import KnownState
from givenergy.codes import domain
from pipelines.discovery import known_state_of
from tests.support.api_examples import example, needs_shared
from tests.support.simulated_home import decode, rows_of

LISTS = (CHARGERS,)


def session(**changes):
    return {
        "started_by": {"pseudonym": "0123456789abcdef"},
        "meter_start": 1400.1,
        "started_at": "2025-06-01T20:15:00Z",
        "stopped_by": "PLUG_AND_GO",
        "meter_stop": 1423.7,
        "stopped_at": "2025-06-02T01:15:30Z",
        "stop_reason": "EVDisconnected",
        **changes,
    }


def still_open(**changes):
    none = dict.fromkeys(("stopped_by", "meter_stop", "stopped_at", "stop_reason"))
    return session(**none, **changes)


def test_each_leaf_is_a_column():
    (row,) = rows_of(decode(DATASET, {"data": [session()]}, device_id="charger-1"), DATASET.name)
    reasons = {code.code: code.description for code in domain("stop_reason")}
    assert row == {
        "charger_uuid": "charger-1",
        "started_at": datetime(2025, 6, 1, 20, 15, tzinfo=UTC),
        "stopped_at": datetime(2025, 6, 2, 1, 15, 30, tzinfo=UTC),
        "has_ended": True,
        "duration_s": 5 * 3600 + 30.0,
        "started_local": datetime(2025, 6, 1, 21, 15),
        "local_date": date(2025, 6, 1),
        "meter_start_kwh": 1400.1,
        "meter_stop_kwh": 1423.7,
        "energy_kwh": 23.6,
        "energy_source": "difference",
        "started_by": "pseudonym:0123456789abcdef",
        "started_by_name": None,
        "stopped_by": "PLUG_AND_GO",
        "stopped_by_name": "PLUG_AND_GO",
        "stop_reason": "EVDisconnected",
        "stop_reason_name": "EVDisconnected",
        "stop_reason_description": reasons["EVDisconnected"],
        "extra_fields": None,
    }


def test_pseudonyms_are_neither_drift_nor_quarantine():
    decoded = decode(DATASET, {"data": [session(stopped_by={"redacted": "string"})]})
    assert (decoded.drift, decoded.quarantine.num_rows) == ([], 0)
    assert rows_of(decoded, DATASET.name)[0]["stopped_by"] is None


def test_an_open_session_has_neither_end_nor_energy():
    (row,) = rows_of(decode(DATASET, {"data": [still_open()]}), DATASET.name)
    assert row["has_ended"] is False
    ends = ("stopped_at", "duration_s", "meter_stop_kwh", "energy_kwh", "stop_reason_name")
    assert [row[name] for name in ends] == [None] * 5


def test_odd_sessions_are_kept_or_quarantined():
    answer = [
        session(started_at="2025-06-01T00:00:00Z", meter_stop="1500.1", started_by=4711),
        session(started_at="2025-06-02T00:00:00Z", stopped_at="later", stop_reason="Bored"),
        session(started_at="2025-06-03T00:00:00Z", started_by="inverter_control", note="x"),
        session(started_at="9999-12-31T00:00:00Z"),
        session(started_at=None),
        session(started_at="2025-06-04"),
        session(started_at="2025-06-05T00:00:00Z", meter_start="much"),
        session(started_at="2025-06-06T00:00:00Z"),
        still_open(started_at="2025-06-06T00:00:00Z"),
    ]
    decoded = decode(DATASET, {"data": answer})
    rows = {row["started_at"].day: row for row in rows_of(decoded, DATASET.name)}
    assert sorted(rows) == [1, 2, 3, 5, 6]
    assert (rows[1]["energy_kwh"], rows[1]["started_by"]) == (100.0, "4711")
    assert [rows[5][name] for name in ("meter_start_kwh", "energy_kwh", "energy_source")] == [
        None,
        None,
        "none",
    ]
    assert (rows[2]["stop_reason_name"], rows[2]["stop_reason_description"]) == (
        "unknown (Bored)",
        None,
    )
    assert (rows[2]["stopped_at"], rows[2]["has_ended"]) == (None, True)
    assert rows[2]["extra_fields"] == '{"stopped_at":"later"}'
    assert rows[3]["started_by_name"] == "INVERTER_CONTROL"
    assert rows[3]["extra_fields"] == '{"note":"x"}'
    assert rows[6]["has_ended"] is True
    found = {(r["row_index"], r["reason"], r["column"]) for r in decoded.quarantine.to_pylist()}
    assert found == {
        (3, "not_decodable", "started_at"),
        (4, "not_decodable", "started_at"),
        (5, "not_decodable", "started_at"),
        (6, "not_decodable", "meter_start"),
        (8, "duplicate_key", "charger_uuid, started_at"),
    }


HOUR = "2025-06-01T20:15:00Z", "2025-06-01T21:15:00Z"


@pytest.mark.parametrize(
    ("start", "stop", "times", "energy", "duration"),
    [
        (1400.1, 1407.3, HOUR, 7.2, 3600),
        (0, 7.2, HOUR, 7.2, 3600),
        (1400, 1400, HOUR, 0, 3600),
        (1400, 1425.5, HOUR, 25.5, 3600),
        # More than a charger gives in an hour: a lifetime count after 0, Wh after kWh, Wh.
        (1400, 1425.6, HOUR, None, 3600),
        (0, 7825.2, HOUR, None, 3600),
        (1400.1, 1407300, HOUR, None, 3600),
        (1400100, 1407300, HOUR, None, 3600),
        # A meter that was reset; kWh after Wh.
        (7825.2, 7.1, HOUR, None, 3600),
        (1400100, 1407.3, HOUR, None, 3600),
        (None, 7783.9, HOUR, None, 3600),
        (7783.9, None, HOUR, None, 3600),
        # More than a car's battery holds, however long it took.
        (1000, 1301, ("2025-06-01T00:00:00Z", "2025-06-29T00:00:00Z"), None, 28 * 86_400),
        # Ends before the start, decades away, and after the response.
        (1400, 1401, HOUR[::-1], None, None),
        (1400, 1401, (HOUR[0], "1970-01-01T00:00:00Z"), None, None),
        (1400, 1401, (HOUR[0], "2055-01-01T00:00:00Z"), None, None),
        (1400, 1401, (HOUR[0], HOUR[0]), None, 0),
        (1400, 1400.2, (HOUR[0], HOUR[0]), 0.2, 0),
        (1400, 2e9, HOUR, None, 3600),
    ],
)
def test_energy_and_duration_are_plausible_or_null(start, stop, times, energy, duration):
    sent = session(meter_start=start, meter_stop=stop, started_at=times[0], stopped_at=times[1])
    decoded = decode(DATASET, {"data": [sent]})
    (row,) = rows_of(decoded, DATASET.name)
    assert (row["energy_kwh"], row["duration_s"]) == (energy, duration)
    assert row["energy_source"] == ("none" if energy is None else "difference")
    # The session stands with what was sent.
    assert row["has_ended"] is True
    assert row["stopped_at"] == datetime.fromisoformat(times[1])
    assert (row["meter_start_kwh"], row["meter_stop_kwh"]) == (start, None if stop == 2e9 else stop)


def test_an_end_that_is_no_text_leaves_no_session_open():
    (row,) = rows_of(decode(DATASET, {"data": [session(stopped_at=1748808900)]}), DATASET.name)
    assert (row["has_ended"], row["stopped_at"], row["energy_kwh"]) == (True, None, None)


@needs_shared
def test_each_leaf_of_the_documents_example_lands():
    sent = example("Get Charging Sessions")["data"]
    decoded = decode(DATASET, {"data": sent}, any_time=True)
    rows = rows_of(decoded, DATASET.name)
    landed = [
        {
            "started_by": row["started_by"],
            "meter_start": row["meter_start_kwh"],
            "started_at": f"{row['started_at']:%Y-%m-%dT%H:%M:%SZ}",
            "stopped_by": row["stopped_by"],
            "meter_stop": row["meter_stop_kwh"],
            "stopped_at": row["stopped_at"],
            "stop_reason": row["stop_reason"],
        }
        for row in rows
    ]
    assert landed == sent
    assert [row["has_ended"] for row in rows] == [False, False]
    assert decoded.drift == []


def stored(at_home, uuid):
    """List the sessions of a charger as the API writes them, but for who began and ended them."""
    rows = at_home.rows(
        f"FROM ev_charging_sessions WHERE charger_uuid = '{uuid}' ORDER BY started_at DESC"
    )
    written = "{:%Y-%m-%dT%H:%M:%SZ}".format
    return [
        {
            "meter_start": row["meter_start_kwh"],
            "started_at": written(row["started_at"]),
            "meter_stop": row["meter_stop_kwh"],
            "stopped_at": row["stopped_at"] and written(row["stopped_at"]),
            "stop_reason": row["stop_reason"],
        }
        for row in rows
    ]


def truth(at_home, uuid):
    rows = at_home.simulator.truth_of("charging-sessions", uuid)
    return [{n: v for n, v in row.items() if n not in ("started_by", "stopped_by")} for row in rows]


def queries(at_home):
    return [request.query for request in at_home.simulator.requests]


def test_all_of_history_comes_in_a_request_for_each_charger(home):
    at_home = home(
        ev_chargers=2,
        clock=datetime(2025, 6, 20, 12, tzinfo=UTC),
        page_size_caps={"charging-sessions": 1000},
    )
    report = at_home.refresh(DATASET, lists=LISTS)
    assert (len(report.results), report.failures) == (2, [])
    assert len(at_home.paths()) == 2
    for uuid in at_home.simulator.charger_uuids:
        assert len(stored(at_home, uuid)) > 300
        assert stored(at_home, uuid) == truth(at_home, uuid)
    (energy,) = at_home.rows(
        "SELECT count(*) AS wrong FROM ev_charging_sessions"
        " WHERE abs(energy_kwh - (meter_stop_kwh - meter_start_kwh)) > 1e-6 OR duration_s < 0"
    )
    assert energy["wrong"] == 0


@pytest.mark.slow
def test_tags_and_users_are_pseudonyms_that_stay_the_same(home):
    at_home = home(ev_chargers=1, clock=datetime(2025, 6, 20, 12, tzinfo=UTC))
    at_home.refresh(DATASET, lists=LISTS)
    (uuid,) = at_home.simulator.charger_uuids
    sent = at_home.simulator.truth_of("charging-sessions", uuid)
    rows = at_home.rows("FROM ev_charging_sessions ORDER BY started_at DESC")
    nobody = {"PLUG_AND_GO", "INVERTER_CONTROL"}
    pairs = {(a["started_by"], b["started_by"]) for a, b in zip(sent, rows, strict=True)}
    assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs}) == 5
    for tag, shown in pairs:
        assert (shown == tag) == (tag in nobody)
        assert tag in nobody or shown.startswith("pseudonym:")
    named = {row["started_by_name"] for row in rows}
    assert named == {*nobody, None}
    assert at_home.rows("SELECT DISTINCT kind FROM drift") == []


@pytest.mark.slow
def test_the_owner_can_keep_the_tags(home):
    setting = "ev_charging_sessions:data[].started_by"
    at_home = home({"GIVLAKE_KEEP_PERSONAL": setting}, ev_chargers=1)
    at_home.refresh(DATASET, lists=LISTS)
    (uuid,) = at_home.simulator.charger_uuids
    sent = at_home.simulator.truth_of("charging-sessions", uuid)
    rows = at_home.rows("FROM ev_charging_sessions ORDER BY started_at DESC")
    assert [row["started_by"] for row in rows] == [str(row["started_by"]) for row in sent]


@pytest.mark.slow
def test_an_open_session_is_seen_to_close_days_later(home):
    at_home = home(ev_chargers=1, commissioned=date(2024, 1, 1), ev_offline_rate=0.0)
    sim = at_home.simulator
    (uuid,) = sim.charger_uuids
    now = datetime.now(UTC)
    closed = [
        session(started_at=f"{now - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}") for days in (12, 200)
    ]
    began = f"{now - timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"
    sim.set_listing("charging-sessions", uuid, [still_open(started_at=began), *closed])
    at_home.refresh(DATASET, lists=LISTS)
    assert [row["stopped_at"] for row in stored(at_home, uuid)].count(None) == 1
    ended = session(started_at=began, stopped_at=f"{now:%Y-%m-%dT%H:%M:%SZ}")
    sim.set_listing("charging-sessions", uuid, [ended, *closed])
    at_home.refresh(DATASET, lists=LISTS)
    (query,) = queries(at_home)
    assert query["start_time"] == (now - timedelta(days=10)).date().isoformat()
    assert [row["stopped_at"] for row in stored(at_home, uuid)].count(None) == 0
    at_home.refresh(DATASET, lists=LISTS)
    (query,) = queries(at_home)
    assert query["start_time"] == (now - timedelta(days=4)).date().isoformat()
    assert len(stored(at_home, uuid)) == 3


def requests(at_home, days_later):
    """Give the first days asked for, if it were so many days later."""
    with at_home.session() as opened:
        now = known_state_of(opened, {})
        (uuid,) = at_home.simulator.charger_uuids
        view = KnownState(
            lake=now.lake,
            devices={DeviceKind.EV_CHARGER: (Device(uuid, None, None),)},
            account=now.account,
            now=now.now + timedelta(days=days_later),
            zone=now.zone,
            range_days=31,
        )
        return [
            date.fromisoformat(request.query["start_time"]) for request in DATASET.requests(view)
        ]


@pytest.mark.slow
def test_a_session_that_never_closes_is_looked_at_once_a_week(home):
    at_home = home(ev_chargers=1)
    sim = at_home.simulator
    (uuid,) = sim.charger_uuids
    now = datetime.now(UTC)
    began = now - timedelta(days=40)
    sim.set_listing(
        "charging-sessions", uuid, [still_open(started_at=f"{began:%Y-%m-%dT%H:%M:%SZ}")]
    )
    at_home.refresh(DATASET, lists=LISTS)
    assert requests(at_home, 1) == [(now - timedelta(days=4)).date()]
    assert requests(at_home, 8) == [(began - timedelta(days=1)).date()]


@pytest.mark.slow
@pytest.mark.parametrize("again", [False, True])
def test_history_is_requested_again_on_demand(home, again):
    at_home = home(ev_chargers=1)
    at_home.refresh(DATASET, lists=LISTS)
    at_home.refresh(DATASET, lists=LISTS, refetch=again)
    assert {query["start_time"] == "2014-12-31" for query in queries(at_home)} == {again}


def test_a_failed_first_request_is_made_again_in_full(home):
    at_home = home(ev_chargers=1)
    at_home.simulator.fail("charging-sessions", status=500)
    report = at_home.refresh(DATASET, lists=LISTS)
    assert len(report.failures) == 1
    at_home.simulator.clear_failures()
    at_home.refresh(DATASET, lists=LISTS)
    assert {query["start_time"] for query in queries(at_home)} == {"2014-12-31"}
