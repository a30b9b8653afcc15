"""EV meter readings: units, odd values, days of 23 to 25 hours, the simulator's truth."""

import json
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest

from assets.ev_chargers import DATASET as CHARGERS
from assets.ev_charging_sessions import DATASET as SESSIONS
from assets.ev_meter_readings import DATASET
from assets.framework.contract.devices import DeviceKind
from tests.support import clock
from tests.support.api_examples import example, needs_shared
from tests.support.clock import at_notable_moments
from tests.support.simulated_home import decode, ingest_days, rows_of

LONDON = "Europe/London"


def measurement(measurand=13, value=1200, unit=4, **more):
    return {"measurand": measurand, "value": value, "unit": unit, **more}


def point(*measurements, meter_id=0, timestamp="2025-07-01 11:59:30", **more):
    return {
        "meter_id": meter_id,
        "timestamp": timestamp,
        "measurements": list(measurements),
        **more,
    }


def decoded_rows(*points):
    decoded = decode(DATASET, {"data": list(points)}, device_id="charger-1")
    return rows_of(decoded, DATASET.name), decoded


def test_each_measurement_is_a_row_and_each_leaf_a_column():
    rows, decoded = decoded_rows(point(measurement(), measurement(11, 49.98, None), meter_id=1))
    of_both = {
        "charger_uuid": "charger-1",
        "meter_id": 1,
        "meter_name": "Grid Meter",
        "time": datetime(2025, 7, 1, 11, 59, 30, tzinfo=UTC),
        "local_time": datetime(2025, 7, 1, 12, 59, 30),
        "local_date": date(2025, 7, 1),
        "request_date": date(2025, 7, 1),
        "extra_fields": None,
    }
    assert rows == [
        of_both
        | {
            "measurand": 13,
            "measurand_name": "Power.Active.Import",
            "value": 1200.0,
            "unit": 4,
            "unit_name": "W",
            "value_normalised": 1200.0,
            "unit_normalised": "W",
        },
        of_both
        | {
            "measurand": 11,
            "measurand_name": "Frequency",
            "value": 49.98,
            "unit": None,
            "unit_name": None,
            "value_normalised": 49.98,
            "unit_normalised": "Hz",
        },
    ]
    assert decoded.drift == []


@pytest.mark.parametrize(
    ("measurand", "value", "unit", "expected"),
    [
        (4, 1500, 0, (1500.0, "Wh")),
        (4, 1.5, 1, (1500.0, "Wh")),
        (6, 7, 2, (7.0, "varh")),
        (6, 0.007, 3, (7.0, "varh")),
        (13, 2.3, 5, (2300.0, "W")),
        (13, 0.0033, 5, (3.3, "W")),
        (15, 9, 6, (9.0, "VA")),
        (15, 0.009, 7, (9.0, "VA")),
        (16, 5, 8, (5.0, "var")),
        (16, 0.005, 9, (5.0, "var")),
        (1, 31.5, 10, (31.5, "A")),
        (21, 239.4, 11, (239.4, "V")),
        (20, -5.5, 12, (-5.5, "°C")),
        (20, 32, 13, (0.0, "°C")),
        (20, 212, 13, (100.0, "°C")),
        (20, 300, 14, (26.85, "°C")),
        (19, 80, 15, (80.0, "%")),
    ],
)
def test_a_value_is_normalised_by_its_own_unit(measurand, value, unit, expected):
    ((row,), _) = decoded_rows(point(measurement(measurand, value, unit)))
    assert (row["value_normalised"], row["unit_normalised"]) == expected
    assert (row["value"], row["unit"]) == (value, unit)


@pytest.mark.parametrize(
    ("measurand", "unit"),
    [(1, "A"), (21, "V"), (11, "Hz"), (18, "rpm"), (19, "%"), (14, None)],
)
def test_where_no_unit_is_sent_only_what_has_one_unit_is_normalised(measurand, unit):
    ((row,), _) = decoded_rows(point(measurement(measurand, 0.5, None)))
    assert (row["value_normalised"], row["unit_normalised"]) == (0.5, unit)


@pytest.mark.parametrize("measurand", [3, 4, 5, 7, 12, 13, 15, 16, 20, 99])
def test_an_energy_power_or_temperature_without_a_unit_is_not_guessed(measurand):
    ((row,), _) = decoded_rows(point(measurement(measurand, 1.5, None)))
    assert (row["value"], row["value_normalised"], row["unit_normalised"]) == (1.5, None, None)


def test_a_null_value_is_a_row_without_a_value():
    ((row,), decoded) = decoded_rows(point(measurement(value=None)))
    assert (row["value"], row["value_normalised"]) == (None, None)
    assert decoded.quarantine.num_rows == 0


def test_unknown_codes_are_kept_named_and_counted():
    rows, decoded = decoded_rows(
        point(measurement(99, 1.5, 42), meter_id=7), point(measurement(13, 5, 42))
    )
    names = [(row["meter_name"], row["measurand_name"], row["unit_name"]) for row in rows]
    assert names == [
        ("unknown (7)", "unknown (99)", "unknown (42)"),
        ("EV Charger", "Power.Active.Import", "unknown (42)"),
    ]
    assert [row["value_normalised"] for row in rows] == [None, None]
    assert {(d.kind, d.field, d.value): d.count for d in decoded.drift} == {
        ("unknown_code", "meter_id", "7"): 1,
        ("unknown_code", "measurand", "99"): 1,
        ("unknown_code", "unit", "42"): 2,
    }


def test_numbers_as_text_become_numbers_and_are_counted():
    rows, decoded = decoded_rows(
        point(measurement("13", "1.5", "5"), measurement(21, "230", 11), meter_id="2")
    )
    assert [(r["meter_id"], r["measurand"], r["value_normalised"]) for r in rows] == [
        (2, 13, 1500.0),
        (2, 21, 230.0),
    ]
    assert {(d.field, d.value): d.count for d in decoded.drift} == {
        ("meter_id", "string"): 1,
        ("measurements[].measurand", "string"): 1,
        ("measurements[].value", "string"): 2,
        ("measurements[].unit", "string"): 1,
    }


def test_what_is_no_number_costs_its_data_point_no_other_measurement():
    huge = 10**400
    rows, decoded = decoded_rows(
        point(
            measurement(1, "n/a", 10),
            measurement(4, 100, 0),
            measurement(13, True, 4),
            measurement(20, 20.5, "warm"),
            measurement(21, huge, 11),
            measurement(2**70, 1, 11),
            measurement(None, 1, 11),
            measurement(3, "nan", 0),
            measurement(5, {"a": 1}, 2),
        ),
        point(measurement(21, 240, 11), timestamp="2025-07-01 12:00:30"),
    )
    assert [(row["measurand"], row["value"]) for row in rows] == [
        (1, None),
        (4, 100.0),
        (13, None),
        (20, 20.5),
        (21, None),
        (3, None),
        (5, None),
        (21, 240.0),
    ]
    # The unit that was sent is not known, and none is implied.
    assert [row["value_normalised"] for row in rows if row["measurand"] == 20] == [None]
    found = Counter((r["reason"], r["column"]) for r in decoded.quarantine.to_pylist())
    assert found == {
        ("not_decodable", "measurements[].value"): 5,
        ("not_decodable", "measurements[].unit"): 1,
        ("not_decodable", "measurements[].measurand"): 1,
        ("check_failed", "measurand"): 1,
    }
    indexes = {r["value"]: r["row_index"] for r in decoded.quarantine.to_pylist()}
    assert (indexes['"n/a"'], indexes['"warm"'], indexes['{"a":1}']) == (0, 3, 7)
    raws = {row["value"]: json.loads(row["raw"]) for row in decoded.quarantine.to_pylist()}
    assert raws['"n/a"']["timestamp"] == "2025-07-01 11:59:30"


def test_a_number_beyond_all_limits_is_quarantined_as_such_and_not_as_null():
    body = json.dumps({"data": [point(measurement(21, 111, 222), measurement(333, 1, 11))]})
    for number in ("111", "222", "333"):
        body = body.replace(number, "1e999")
    decoded = decode(DATASET, body.encode(), device_id="charger-1")
    found = Counter((r["column"], r["value"]) for r in decoded.quarantine.to_pylist())
    fields = ("value", "unit", "measurand")
    assert found == {(f"measurements[].{name}", "inf"): 1 for name in fields}


@pytest.mark.parametrize(
    ("measurand", "value", "unit"),
    [(13, 2.1e6, 5), (4, 1e12, 1), (21, 24_000, 11), (20, 20, 14), (1, -6e3, 10), (13, 1e13, 4)],
)
def test_a_value_that_no_meter_measures_in_its_unit_is_not_normalised(measurand, value, unit):
    (row,), decoded = decoded_rows(point(measurement(measurand, value, unit)))
    assert row["value_normalised"] is None
    # As sent it stays, within its limits, and either way somebody hears of it.
    assert row["value"] == (None if value > 1e12 else value)
    told = [(drift.kind, drift.value) for drift in decoded.drift]
    assert ("implausible_value", f"measurand {measurand}, unit {unit}") in told
    assert decoded.quarantine.num_rows == (value > 1e12)


def test_data_points_that_cannot_be_read_are_quarantined_whole():
    rows, decoded = decoded_rows(
        point(measurement(), timestamp="yesterday at noon"),
        point(measurement(), timestamp=None),
        point(measurement(), meter_id=None),
        point(measurement(), meter_id=2**63),
        "no data point",
        point() | {"measurements": "nothing that could be listed"},
        point(measurement(value=7), timestamp="2025-07-01T13:00:00+01:00"),
        point(measurement(value=8), timestamp="9999-12-31 23:59:59"),
    )
    assert [(row["time"], row["value"]) for row in rows] == [
        (datetime(2025, 7, 1, 12, tzinfo=UTC), 7.0)
    ]
    found = {(r["column"], r["reason"]) for r in decoded.quarantine.to_pylist()}
    assert found == {
        ("timestamp", "not_decodable"),
        ("meter_id", "check_failed"),
        ("meter_id", "not_decodable"),
        ("row", "not_decodable"),
        ("measurements", "not_decodable"),
    }
    assert decoded.quarantine.num_rows == 7
    assert sum(decoded.rows_in.values()) == 8


def test_a_data_point_without_measurements_is_drift_and_no_row():
    rows, decoded = decoded_rows(
        point(), {"meter_id": 0, "timestamp": "2025-07-01 10:00:00", "measurements": None}
    )
    assert rows == []
    assert decoded.rows_in == {1: 0}
    assert {(d.kind, d.field, d.value) for d in decoded.drift} == {
        ("empty_list", "measurements", "array"),
        ("empty_list", "measurements", "null"),
    }


def test_unknown_fields_stay_with_the_measurement_that_has_them():
    rows, decoded = decoded_rows(
        point(
            measurement(21, 231, 11, phase="L1"),
            measurement(1, 6, 10, phase="L2", location="Outlet"),
            measurement(13, 5, 4),
            quality="good",
        )
    )
    assert [json.loads(row["extra_fields"]) for row in rows] == [
        {"measurements[].phase": "L1", "quality": "good"},
        {"measurements[].phase": "L2", "measurements[].location": "Outlet", "quality": "good"},
        {"quality": "good"},
    ]
    assert {(d.kind, d.field): d.count for d in decoded.drift} == {
        ("new_field", "measurements[].phase"): 2,
        ("new_field", "measurements[].location"): 1,
        ("new_field", "quality"): 1,
    }


def test_the_later_of_two_readings_of_one_time_wins():
    rows, decoded = decoded_rows(point(measurement(value=1)), point(measurement(value=2)))
    assert [row["value"] for row in rows] == [2.0]
    (aside,) = decoded.quarantine.to_pylist()
    assert aside["reason"] == "duplicate_key"


@needs_shared
def test_each_leaf_of_the_documents_example_lands():
    scope = "requires authentication account type: any scope: api:ev-charger:data"
    answer = example(f"Get Data Points\n{scope}")
    rows, decoded = decoded_rows(*answer["data"])
    landed = [
        {
            "meter_id": row["meter_id"],
            "timestamp": f"{row['time']:%Y-%m-%d %H:%M:%S}",
            "measurements": [{name: row[name] for name in ("measurand", "value", "unit")}],
        }
        for row in rows
    ]
    assert landed == [
        {**sent, "measurements": [one]} for sent in answer["data"] for one in sent["measurements"]
    ]
    assert decoded.drift == []


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        (date(2025, 1, 15), "2025-01-15T00:00:00Z", "2025-01-16T00:00:00Z"),
        (date(2025, 7, 15), "2025-07-14T23:00:00Z", "2025-07-15T23:00:00Z"),
        (date(2025, 3, 30), "2025-03-30T00:00:00Z", "2025-03-30T23:00:00Z"),
        (date(2025, 10, 26), "2025-10-25T23:00:00Z", "2025-10-27T00:00:00Z"),
    ],
)
def test_a_local_day_is_requested_in_utc_with_all_that_can_be_measured(day, start, end):
    with clock.at(datetime.combine(day, time(), UTC) + timedelta(days=2)):
        request = DATASET.request("charger-1", day, day, LONDON)
    assert request.path == {"charger": "charger-1"}
    assert request.query == {
        "start_time": start,
        "end_time": end,
        "measurands[]": list(range(22)),
        "meter_ids[]": [0, 1, 2, 3],
    }


@at_notable_moments
def test_the_day_that_is_going_on_is_requested_up_to_now():
    now = datetime.now(UTC)
    request = DATASET.request("charger-1", now.date(), now.date(), "UTC")
    end = datetime.fromisoformat(request.query["end_time"])
    start = datetime.fromisoformat(request.query["start_time"])
    assert start == now.replace(hour=0, minute=0, second=0, microsecond=0)
    assert start <= end <= max(start, now)
    assert end == start or now - end < timedelta(minutes=2)


def test_a_reading_at_the_midnight_after_a_day_is_none_of_it():
    day = date(2025, 7, 1)
    body = json.dumps(
        {
            "data": [
                point(timestamp="2025-06-30 23:00:00"),
                point(timestamp="2025-07-01 22:59:59"),
                point(timestamp="2025-07-01 23:00:00"),
            ]
        }
    ).encode()
    assert DATASET.rows_by_day([body, body], day, day, LONDON) == [4]
    assert DATASET.rows_by_day([body], day, date(2025, 7, 2), LONDON) == [2, 1]
    assert DATASET.rows_by_day([b'{"data": []}'], day, day, LONDON) == [0]
    assert DATASET.rows_by_day([b'{"data": [1, {"timestamp": "?"}]}'], day, day, LONDON) == [2]


def run(at_home, first, last):
    """Fetch days of all chargers; since when they are there is told by their sessions."""
    at_home.refresh(SESSIONS, lists=(CHARGERS,))
    devices = at_home.devices(CHARGERS)[DeviceKind.EV_CHARGER]
    at_home.simulator.clear_requests()
    with at_home.session() as session:
        return ingest_days(session, DATASET, devices, first, last)


def truth(sim, uuid, start, end):
    """List what the simulator has of a charger between two moments, the second left out."""
    points = sim.truth_of(
        "ev-meter-data",
        uuid,
        start_time=f"{start:%Y-%m-%dT%H:%M:%SZ}",
        end_time=f"{end - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}",
        measurands=list(range(22)),
        meter_ids=list(range(4)),
    )
    return {
        (uuid, one["meter_id"], one["timestamp"], m["measurand"], m["value"], m["unit"])
        for one in points
        for m in one["measurements"]
    }


def stored(at_home, where="true"):
    rows = at_home.rows(f"FROM ev_meter_readings WHERE {where}")
    found = {
        (
            row["charger_uuid"],
            row["meter_id"],
            f"{row['time']:%Y-%m-%d %H:%M:%S}",
            row["measurand"],
            row["value"],
            row["unit"],
        )
        for row in rows
    }
    assert len(found) == len(rows)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2025, 3, 30), 23),
        (date(2025, 6, 1), 24),
        (date(2025, 10, 26), 25),
    ],
)
def test_days_of_all_lengths_are_the_simulators_truth(home, day, hours):
    moment = datetime.combine(day, time(), UTC) + timedelta(days=9)
    with clock.at(moment):
        compare_day(home, day, hours, moment)


def compare_day(home, day, hours, moment):
    at_home = home(
        ev_chargers=2,
        clock=moment,
        ev_points_every_s=600,
        commissioned=day - timedelta(days=90),
        page_size_caps={"ev-meter-data": 200},
    )
    sim = at_home.simulator
    report = run(at_home, day - timedelta(days=1), day + timedelta(days=1))
    assert report.failures == []
    start = datetime.fromisoformat(DATASET.request("", day, day, LONDON).query["start_time"])
    for uuid in sim.charger_uuids:
        expected = truth(sim, uuid, start, start + timedelta(hours=hours))
        where = f"charger_uuid = '{uuid}' AND local_date = '{day}'"
        assert stored(at_home, where) == expected
        assert len(expected) > 300
    states = at_home.rows("SELECT DISTINCT state FROM coverage WHERE dataset = 'ev_meter_readings'")
    assert {row["state"] for row in states} <= {"complete", "not_requested"}
    asked = len(at_home.paths())
    assert asked > 0
    run(at_home, day - timedelta(days=1), day + timedelta(days=1))
    assert at_home.paths() == []


@pytest.mark.slow
def test_a_reading_at_the_midnight_after_an_empty_day_does_not_fill_it(home):
    present = datetime(2025, 6, 9, tzinfo=UTC)
    at_home = home(ev_chargers=1, clock=present, ev_points_every_s=600, ev_offline_rate=0.0)
    sim = at_home.simulator
    (uuid,) = sim.charger_uuids
    sim.take_offline(uuid, datetime(2025, 5, 31, 23, tzinfo=UTC))
    sim.bring_online(uuid, datetime(2025, 6, 1, 23, tzinfo=UTC))
    run(at_home, date(2025, 5, 31), date(2025, 6, 2))
    rows = at_home.rows(
        "SELECT coverage.state, coverage.reason, coverage.rows, requests.rows AS came"
        " FROM coverage JOIN requests USING (dataset, device_id, request_date)"
        " WHERE dataset = 'ev_meter_readings' ORDER BY request_date"
    )
    assert [row["state"] for row in rows] == ["complete", "provisional", "complete"]
    assert (rows[1]["rows"], rows[1]["came"]) == (None, 2)
    assert "empty" in rows[1]["reason"]


def test_odd_data_points_are_all_accounted_for(home):
    rates = dict.fromkeys(
        [
            "ev_energy_kwh",
            "ev_power_kw",
            "ev_fahrenheit",
            "ev_null_unit",
            "ev_null_value",
            "ev_numeric_strings",
            "ev_null_measurements",
            "ev_empty_measurements",
            "ev_unknown_measurand",
            "ev_unknown_unit",
            "ev_unknown_meter",
            "ev_unparsable_time",
            "ev_missing_time",
            "ev_duplicate_row",
            "ev_conflicting_row",
        ],
        0.05,
    )
    at_home = home(
        ev_chargers=1,
        clock=datetime(2025, 6, 9, tzinfo=UTC),
        ev_points_every_s=300,
        ev_offline_rate=0.0,
        anomalies=rates,
    )
    report = run(at_home, date(2025, 6, 1), date(2025, 6, 2))
    assert report.failures == []
    (counts,) = at_home.rows(
        "SELECT sum(rows_in) AS came,"
        " sum(new + identical + superseding + superseded + quarantined) AS accounted"
        " FROM row_accounting"
        " WHERE dataset = 'ev_meter_readings'"
    )
    assert counts["came"] == counts["accounted"] > 1000
    reasons = at_home.rows("SELECT DISTINCT reason FROM quarantine")
    assert {row["reason"] for row in reasons} == {"not_decodable", "duplicate_key"}
    kinds = at_home.rows("SELECT DISTINCT kind FROM drift")
    assert {row["kind"] for row in kinds} == {"changed_type", "empty_list", "unknown_code"}
    power = at_home.rows(
        "SELECT unit, max(value_normalised) AS most FROM ev_meter_readings"
        " WHERE measurand = 4 GROUP BY unit"
    )
    most = {row["unit"]: row["most"] for row in power}
    assert most[1] == pytest.approx(most[0], rel=0.2)
    assert most[None] is None
