"""Meters of an inverter, which later versions of the API answer for: spans, probing, odd leaves."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.inverter_grid_meter_readings import DATASET, cut, missing
from tests.support.simulated_home import decode, rows_of

LISTS = (COMMUNICATION_DEVICES,)
ASKED = '{"address":2,"end_time":"2025-07-02T00:00:00Z","start_time":"2025-07-01T00:00:00Z"}'
START = datetime(2025, 1, 1, tzinfo=UTC)


def reading(**changes):
    return {
        "time": "2025-07-01T23:10:00Z",
        "address": 1,
        "voltage": 241.5,
        "current": 3.25,
        "active_power": -780,
        "reactive_power": 40,
        "apparent_power": 785,
        "power_factor": -0.99,
        "frequency": 49.98,
        "import_active_energy": 1234.5,
        "export_active_energy": 67.8,
        **changes,
    }


def test_each_likely_leaf_is_a_column():
    (row,) = rows_of(decode(DATASET, {"data": [reading()]}, params=ASKED), DATASET.name)
    assert row == {
        "inverter_serial": "SIM0001",
        "address": 1,
        "time": datetime(2025, 7, 1, 23, 10, tzinfo=UTC),
        "local_time": datetime(2025, 7, 2, 0, 10),
        "local_date": date(2025, 7, 2),
        "voltage_v": 241.5,
        "current_a": 3.25,
        "active_power_w": -780.0,
        "reactive_power_var": 40.0,
        "apparent_power_va": 785.0,
        "power_factor": -0.99,
        "frequency_hz": 49.98,
        "import_active_energy_kwh": 1234.5,
        "export_active_energy_kwh": 67.8,
        "extra_fields": None,
    }


def test_other_shapes_are_kept_or_quarantined():
    answer = [
        {"time": "2025-07-01T23:10:00Z", "phases": [{"voltage": 240}], "voltage": None},
        reading(time=None),
        reading(address="three"),
    ]
    decoded = decode(DATASET, {"data": answer}, params=ASKED)
    (row,) = rows_of(decoded, DATASET.name)
    assert (row["address"], row["voltage_v"]) == (2, None)
    assert json.loads(row["extra_fields"]) == {"phases": [{"voltage": 240}]}
    aside = {(row["row_index"], row["column"]) for row in decoded.quarantine.to_pylist()}
    assert aside == {(1, "time"), (2, "address")}


HOURS = st.integers(min_value=0, max_value=200)


@given(st.lists(st.tuples(HOURS, HOURS), max_size=6), HOURS, st.integers(1, 60))
def test_what_is_missing_and_what_is_there_make_up_the_whole(covered, length, longest):
    """No hour is asked for twice, none is left out, no part is too long."""

    def moment(hour):
        return START + timedelta(hours=hour)

    spans = [(moment(min(pair)), moment(max(pair))) for pair in covered]
    parts = [
        part
        for span in missing((START, moment(length)), spans)
        for part in cut(span, timedelta(hours=longest))
    ]
    asked = [hour for start, end in parts for hour in range(length) if start <= moment(hour) < end]
    there = {hour for start, end in spans for hour in range(length) if start <= moment(hour) < end}
    assert sorted(asked) == sorted(set(range(length)) - there)
    assert parts == sorted(parts, reverse=True)
    assert all(timedelta(0) < end - start <= timedelta(hours=longest) for start, end in parts)


def spans(at_home):
    return [
        tuple(datetime.fromisoformat(request.query[name]) for name in ("start_time", "end_time"))
        for request in at_home.simulator.requests
    ]


@pytest.fixture
def metered(home):
    """Give a home whose inverter was commissioned 40 days ago and has a meter, read hourly."""
    commissioned = datetime.now(UTC).date() - timedelta(days=40)
    return home(inverters=1, meter_rows_every_s=3600, commissioned=commissioned)


def truth(at_home, start):
    """List the readings until the last time that was asked for: another hour may have begun."""
    (serial,) = at_home.simulator.serials
    last = max(end for _, end in spans(at_home))
    return at_home.simulator.truth_of(
        "inverter-meter-data",
        serial,
        address=1,
        start_time=start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        end_time=last.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def test_all_of_history_is_read_once_and_then_the_last_day(metered):
    began = datetime.now(UTC) - timedelta(days=42)
    assert metered.refresh(DATASET, lists=LISTS).failures == []
    first, second = sorted(set(spans(metered)))
    assert first[1] == second[0]
    assert second[1] - second[0] == timedelta(days=31)
    rows = metered.rows(f"SELECT * FROM {DATASET.name} ORDER BY time")
    sent = truth(metered, began)
    assert len(sent) > 24 * 39
    assert [(row["time"], row["active_power_w"]) for row in rows] == [
        (datetime.fromisoformat(row["time"]), float(row["active_power"])) for row in sent
    ]
    metered.refresh(DATASET, lists=LISTS)
    ((start, end),) = set(spans(metered))
    # Up to a little before now, from a day before the answer.
    assert timedelta(hours=23, minutes=59) <= end - start < timedelta(hours=24, minutes=2)
    metered.refresh(DATASET, lists=LISTS, refetch=True)
    assert len(set(spans(metered))) == 2


def test_a_span_that_failed_is_requested_again(metered):
    sim = metered.simulator
    (serial,) = sim.serials
    sim.fail(rf"/v1/inverter/{serial}/meter/data", status=500, times=1)
    assert len(metered.refresh(DATASET, lists=LISTS).failures) == 1
    failed = spans(metered)[0]
    metered.refresh(DATASET, lists=LISTS)
    asked = spans(metered)
    assert min(start for start, _ in asked) <= failed[0]
    began = datetime.now(UTC) - timedelta(days=42)
    (count,) = metered.rows(f"SELECT count(*) AS rows FROM {DATASET.name}")
    assert count["rows"] == len(truth(metered, began))


def test_a_range_that_is_refused_is_halved(metered):
    sim = metered.simulator
    (serial,) = sim.serials
    refused = b'{"message": "The range is too long."}'
    sim.override(rf"/v1/inverter/{serial}/meter/data", refused, status=422, times=1)
    report = metered.refresh(DATASET, lists=LISTS)
    assert report.failures == []
    lengths = sorted({end - start for start, end in spans(metered)})
    assert lengths[-1] == timedelta(days=31)
    # Its shortest part shows that the endpoint accepts ranges; the rest doubles each time.
    assert lengths[0] == timedelta(days=31) / 32
    assert timedelta(days=15, hours=12) in lengths
    assert len(set(spans(metered))) == 1 + 6 + 1
    began = datetime.now(UTC) - timedelta(days=42)
    (count,) = metered.rows(f"SELECT count(*) AS rows FROM {DATASET.name}")
    assert count["rows"] == len(truth(metered, began))


def test_an_api_without_the_endpoint_is_found_out_by_one_request(home):
    at_home = home(inverters=4, api_version="1.26")
    report = at_home.refresh(DATASET, lists=LISTS)
    assert (len(at_home.paths()), report.failures, report.stopped) == (1, [], None)
    assert "The API has no" in report.unavailable[0]
    at_home.refresh_later(DATASET, lists=LISTS)
    assert len(at_home.paths()) == 1
    at_home.refresh(DATASET, lists=LISTS)
    assert at_home.paths() == []


def test_an_inverter_without_meters_is_not_polled(home):
    at_home = home(inverters=0, ems=1)
    at_home.refresh(DATASET, lists=LISTS)
    assert at_home.paths() == []


def test_a_commissioning_day_in_summer_time_is_requested_from_its_local_midnight(home):
    commissioned = date(2024, 7, 1)
    at_home = home(
        {"GIVLAKE_RANGE_DAYS": "366"}, inverters=1, commissioned=commissioned,
        meter_rows_every_s=86_400 // 2,
    )  # fmt: skip
    at_home.refresh(DATASET, lists=LISTS)
    assert min(start for start, _ in spans(at_home)) <= datetime(2024, 6, 30, 23, tzinfo=UTC)
