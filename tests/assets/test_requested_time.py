"""Times are compared with what was requested: years away is quarantined, near it is kept."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from assets.ems_readings import DATASET as EMS
from assets.energy_flow_aggregates import DATASET as AGGREGATES
from assets.energy_flows import DATASET as FLOWS
from assets.ev_charging_sessions import DATASET as SESSIONS
from assets.ev_meter_readings import DATASET as EV_METER
from assets.framework.contract.day_range import DayRange
from assets.framework.decoding.decoder import DatasetDecoder
from assets.framework.decoding.response_check import why_unreadable
from assets.inverter_data_points import DATASET as POINTS
from assets.inverter_events import DATASET as EVENTS
from assets.inverter_grid_meter_readings import DATASET as GRID_METER
from assets.inverter_meter_readings import DATASET as LATEST_METER
from assets.inverter_system_readings import DATASET as LATEST
from assets.smart_device_readings import DATASET as SMART
from tests.support.simulated_home import FETCHED_AT, response

DAYS = (date(2025, 6, 3), date(2025, 6, 4))


def flow(start, end="2025-06-03 00:30"):
    return {"start_time": start, "end_time": end, "data": {"0": 1}}


def measured(timestamp):
    measurement = {"measurand": 21, "value": 240, "unit": 11}
    return {"meter_id": 0, "timestamp": timestamp, "measurements": [measurement]}


def session(started_at):
    return {"started_at": started_at, "meter_start": 1, "meter_stop": 2, "stopped_at": None}


def event(start_time):
    return {"event": "Fault", "start_time": start_time, "end_time": None}


# A dataset, its request, rows that it keeps, and rows whose time was not requested.
CASES = {
    "points": (
        POINTS,
        {"request_date": DAYS[0], "request_end_date": DAYS[1]},
        [{"time": "2025-06-02T23:00:24Z"}, {"time": "2025-06-05T11:59:59Z"}],
        [{"time": "2024-06-03T12:00:00Z"}, {"time": "2025-06-08T12:00:00Z"}],
    ),
    # The slot that begins at the end of the range comes as well.
    "flows": (
        FLOWS,
        {"request_date": DAYS[0], "request_end_date": DAYS[1]},
        [flow("2025-06-03 00:00"), flow("2025-06-05 00:00", "2025-06-05 00:30")],
        [flow("2021-06-03 00:00"), flow("2025-06-03 10:00", "2035-06-03 10:30")],
    ),
    "EV meter": (
        EV_METER,
        {"request_date": DAYS[0]},
        [measured("2025-06-03 10:00:00"), measured("2025-06-04 00:00:00")],
        [measured("2000-01-01 00:00:00"), measured("2030-06-03 10:00:00")],
    ),
    # A month that is requested from its middle begins before, and ends after the request.
    "months": (
        AGGREGATES,
        {"params": {"start_time": "2025-05-20", "end_time": "2025-06-04", "grouping": 2}},
        [
            flow("2025-05-01 00:00", "2025-06-01 00:00"),
            flow("2025-06-01 00:00", "2025-07-01 00:00"),
        ],
        [
            flow("2022-05-01 00:00", "2022-06-01 00:00"),
            flow("2025-05-01 00:00", "2045-06-01 00:00"),
        ],
    ),
    "total": (
        AGGREGATES,
        {"params": {"start_time": "2020-05-20", "end_time": "2025-06-04", "grouping": 4}},
        [flow("2020-05-20 00:00", "2025-06-04 00:00")],
        [flow("1999-05-20 00:00", "2025-06-04 00:00")],
    ),
    "grid meter": (
        GRID_METER,
        {
            "params": {
                "address": 1,
                "start_time": "2025-06-03",
                "end_time": "2025-06-04",
            }
        },
        [{"time": "2025-06-03T10:00:00Z"}, {"time": "2025-06-04T00:00:00.000000Z"}],
        [{"time": "2024-06-03T10:00:00Z"}],
    ),
    # Lists of which the newest entries are requested hold old ones as well.
    "smart devices": (
        SMART,
        {},
        [{"time": "2016-06-03T10:00:00Z", "power": 1}],
        [{"time": "2000-06-03T10:00:00Z"}, {"time": "2026-06-03T10:00:00Z", "power": 1}],
    ),
    "sessions": (
        SESSIONS,
        {},
        [session("2019-06-03T10:00:00Z")],
        [session("1970-01-01T00:00:00Z"), session("2088-01-01T00:00:00Z")],
    ),
    "events": (
        EVENTS,
        {},
        [event("2019-06-03T10:00:00Z")],
        [event("1970-01-01T00:00:00Z"), event("2088-01-01T00:00:00Z")],
    ),
}


def answered(dataset, rows, *, params=None, **fields):
    body = {"data": rows}
    return replace(response(dataset, body, params=json.dumps(params or {"grouping": 0})), **fields)


@pytest.mark.parametrize(("dataset", "request_of", "kept", "others"), CASES.values(), ids=CASES)
def test_rows_years_away_are_quarantined_and_near_ones_stay(dataset, request_of, kept, others):
    decoded = DatasetDecoder(dataset).decode([answered(dataset, [*kept, *others], **request_of)])
    assert decoded.tables[dataset.name].num_rows == len(kept)
    entries = decoded.quarantine.to_pylist()
    assert [entry["reason"] for entry in entries] == ["time_not_requested"] * len(others)
    assert [entry["row_index"] for entry in entries] == list(
        range(len(kept), len(kept) + len(others))
    )
    assert [json.loads(entry["raw"]) for entry in entries] == others


@pytest.mark.parametrize("dataset", [LATEST, LATEST_METER, EMS], ids=lambda dataset: dataset.name)
@pytest.mark.parametrize(
    ("time", "is_kept"),
    [
        ("2018-01-01T00:00:00Z", True),  # of a device that has been silent for years
        ("2025-07-02T00:00:00Z", True),
        ("2000-01-01T00:00:00Z", False),
        ("2099-12-31T00:00:00Z", False),
    ],
)
def test_a_latest_reading_may_be_old_but_not_of_the_future(dataset, time, is_kept):
    reading = {"time": time, "solar": {"power": 1}, "today": {"solar": 1}, "battery_power": 1}
    known = {
        name: value for name, value in reading.items() if name in dataset.row_type.__struct_fields__
    }
    decoded = DatasetDecoder(dataset).decode([answered(dataset, known)])
    assert decoded.tables[dataset.name].num_rows == is_kept
    assert decoded.quarantine.num_rows == (not is_kept)


def body_of(*times):
    return json.dumps({"data": [{"time": time} for time in times]}).encode()


def test_a_response_of_another_day_only_is_not_what_was_requested():
    day = DayRange("SIM", date(2025, 6, 3), date(2025, 6, 3))
    why = why_unreadable(POINTS, [body_of("2024-06-03T10:00:00Z")], day, "Europe/London")
    assert why == (
        "None of the 1 rows received can be read; the first: time is 2024-06-03T10:00:00Z, which"
        " was not requested."
    )
    mixed = body_of("2024-06-03T10:00:00Z", "2025-06-03T10:00:00Z")
    assert why_unreadable(POINTS, [mixed], day, "Europe/London") is None


def test_the_limits_do_not_depend_on_when_a_day_is_fetched():
    rows = [{"time": "2025-06-03T10:00:00Z"}]
    late = answered(POINTS, rows, request_date=DAYS[0], fetched_at=datetime(2035, 1, 1, tzinfo=UTC))
    assert DatasetDecoder(POINTS).decode([late]).quarantine.num_rows == 0
    assert FETCHED_AT.year == 2025
