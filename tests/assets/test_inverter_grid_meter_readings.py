"""History of the meters of an inverter: all 31 numbers, ranges of dates, rows of a former guess."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets import inverter_grid_meter_readings as module
from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework import (
    DayRange,
    Table,
    Wire,
    extra_fields,
    integer,
    measurement,
    provenance_columns,
    reading_time,
    table_schema,
    text,
)
from assets.inverter_grid_meter_readings import (
    DATASET,
    TABLE,
    InverterGridMeterReadings,
    missing,
)
from pipelines.discovery import known_state_of
from tests.support import clock
from tests.support.api_examples import METER_ROW
from tests.support.clock import LONDON
from tests.support.simulated_home import decode, rows_of

OLD = b'{"message": "No data of that time is kept."}'
LISTS = (COMMUNICATION_DEVICES,)
ASKED = '{"address":2,"end_time":"2025-07-02","start_time":"2025-07-01"}'
# What version 1 of the dataset requested and expected.
GUESSED = '{"address":2,"end_time":"2025-07-02T00:00:00Z","start_time":"2025-07-01T00:00:00Z"}'
UNITS = {
    "voltage": "_v",
    "current": "_a",
    "active_power": "_w",
    "reactive_power": "_var",
    "apparent_power": "_va",
    "power_factor": "",
}
COLUMNS = {
    **{
        f"{quantity}_{place}": f"{quantity}_{place}{unit}"
        for quantity, unit in UNITS.items()
        for place in ("1", "2", "3", "total", "ln")
    },
    "frequency": "frequency_hz",
    "import_active_energy": "import_active_energy_kwh",
    "export_active_energy": "export_active_energy_kwh",
    "import_reactive_energy": "import_reactive_energy_kvarh",
    "export_reactive_energy": "export_reactive_energy_kvarh",
    "active_energy_net": "active_energy_net_kwh",
    "active_energy_total": "active_energy_total_kwh",
}


def as_columns(sent):
    """Return the columns that the numbers of a row fill."""
    return {COLUMNS[leaf]: value for leaf, value in sent.items() if leaf != "time"}


def test_each_of_the_31_numbers_is_a_column():
    (row,) = rows_of(decode(DATASET, {"data": [METER_ROW]}, params=ASKED), DATASET.name)
    assert len(METER_ROW) == 32
    assert row == {
        "inverter_serial": "SIM0001",
        "address": 2,
        "time": datetime(2025, 7, 1, 23, 10, tzinfo=UTC),
        "local_time": datetime(2025, 7, 2, 0, 10),
        "local_date": date(2025, 7, 2),
        **as_columns(METER_ROW),
        "extra_fields": None,
    }


def test_phases_that_a_meter_lacks_are_kept_as_sent():
    absent = {leaf: None for leaf in METER_ROW if leaf.endswith("_2")}
    zero = {leaf: 0 for leaf in METER_ROW if leaf.endswith("_3")}
    sent = {**METER_ROW, **absent, **zero}
    (row,) = rows_of(decode(DATASET, {"data": [sent]}, params=ASKED), DATASET.name)
    assert {name: row[name] for name in as_columns(sent)} == as_columns(sent)
    assert (row["voltage_2_v"], row["voltage_3_v"]) == (None, 0.0)


def test_other_shapes_are_kept_or_quarantined():
    answer = [
        {"time": "2025-07-01T23:10:00Z", "phases": [{"voltage": 240}], "voltage_1": None},
        {**METER_ROW, "time": None},
        {**METER_ROW, "voltage_1": "much"},
    ]
    decoded = decode(DATASET, {"data": answer[:2]}, {"data": answer[2:]}, params=ASKED)
    rows = sorted(rows_of(decoded, DATASET.name), key=lambda row: row["voltage_2_v"] or 0)
    assert [(row["address"], row["voltage_1_v"]) for row in rows] == [(2, None), (2, None)]
    assert json.loads(rows[0]["extra_fields"]) == {"phases": [{"voltage": 240}]}
    aside = {(row["row_index"], row["column"]) for row in decoded.quarantine.to_pylist()}
    assert aside == {(1, "time"), (0, "voltage_1")}


GUESSED_ROW = {
    "time": "2025-07-01T10:07:00Z",
    "address": 1,
    "voltage": 241.5,
    "active_power": -780,
    "frequency": 49.98,
    "import_active_energy": 1234.5,
}


def test_a_row_of_the_former_guess_keeps_what_it_has():
    decoded = decode(DATASET, {"data": [GUESSED_ROW]}, params=GUESSED)
    (row,) = rows_of(decoded, DATASET.name)
    assert decoded.quarantine.num_rows == 0
    assert (row["address"], row["frequency_hz"]) == (2, 49.98)
    assert row["import_active_energy_kwh"] == 1234.5
    assert json.loads(row["extra_fields"]) == {
        "address": 1, "voltage": 241.5, "active_power": -780,
    }  # fmt: skip


class _FormerTable(InverterGridMeterReadings):
    """Version 1: other columns, times as parameters, the address from the row."""

    version = 1
    row_type = msgspec.defstruct(
        "_Former", [("time", str | None, None), ("voltage", float | None, None)], bases=(Wire,)
    )
    output_tables = (
        Table(
            name=DATASET.name,
            description="As guessed.",
            schema=table_schema(
                {
                    "inverter_serial": text("Inverter", "Serial number.", nullable=False),
                    "address": integer("Address", "Address.", nullable=False),
                    **reading_time(),
                    "voltage_v": measurement("Voltage (V)", "Voltage.", "voltage", 0.0, 1000.0),
                    **extra_fields(),
                    **provenance_columns(),
                }
            ),
            key=TABLE.key,
            time_column="time",
            device_column="inverter_serial",
        ),
    )

    def requests(self, state):
        for request in super().requests(state):
            names = ("start_time", "end_time")
            times = {name: f"{request.query[name]}T00:00:00Z" for name in names}
            yield replace(request, query={**request.query, **times}, body=None, span=None)

    def columns(self, rows, response):
        columns = super().columns(rows, response)
        return {**columns, "voltage_v": pa.array([row.voltage for row in rows.values])}


@pytest.mark.slow
def test_a_table_made_by_the_former_guess_is_rebuilt_from_the_archive(metered, monkeypatch):
    at_home = metered()
    days_ago = datetime.now(UTC).date() - timedelta(days=7)
    row = {**GUESSED_ROW, "time": f"{days_ago}T10:07:00Z"}
    rows = [row, {**row, "time": "yesterday"}]
    at_home.simulator.override("/meter/data", json.dumps({"data": rows}).encode())
    with monkeypatch.context() as patched:
        patched.setattr(module, "TABLE", _FormerTable.output_tables[0])
        at_home.refresh(_FormerTable(), lists=LISTS)
    files = at_home.data.glob(f"tables/{DATASET.name}/**/*.parquet")
    before = [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]
    assert [(row["address"], row["voltage_v"]) for row in before] == [(1, 241.5)]
    at_home.simulator.clear_failures()
    at_home.refresh(DATASET, lists=LISTS)
    (guessed,) = at_home.rows(f"FROM {DATASET.name} WHERE extra_fields IS NOT NULL")
    assert "voltage_v" not in guessed
    assert (guessed["address"], guessed["import_active_energy_kwh"]) == (1, 1234.5)
    assert json.loads(guessed["extra_fields"])["voltage"] == 241.5
    # What was requested by times is requested again, by dates.
    assert len(spans(at_home)) == 2
    (count,) = at_home.rows(f"SELECT count(*) AS rows FROM {DATASET.name}")
    assert count["rows"] >= len(truth(at_home))
    aside = at_home.rows(
        f"SELECT DISTINCT \"column\" FROM quarantine WHERE dataset = '{DATASET.name}'"
    )
    assert aside == [{"column": "time"}]


DAYS = st.integers(min_value=0, max_value=60)
FIRST = date(2025, 3, 1)


@given(st.sets(DAYS), DAYS, st.integers(1, 40))
def test_what_is_missing_and_what_is_covered_make_up_the_whole(covered, length, longest):
    """No day is asked for twice, none is left out, no range is too long."""
    history = DayRange("X", FIRST, FIRST + timedelta(days=length))
    there = {FIRST + timedelta(days=day) for day in covered}
    ranges = list(missing(history, there, longest))
    asked = [day for days in ranges for day in days.days]
    assert sorted(asked) == sorted(set(history.days) - there)
    assert len(asked) == len(set(asked))
    assert [days.first for days in ranges] == sorted((d.first for d in ranges), reverse=True)
    assert all(len(days) <= longest for days in ranges)


def spans(at_home):
    return [
        tuple(date.fromisoformat(request.query[name]) for name in ("start_time", "end_time"))
        for request in at_home.simulator.requests
    ]


@pytest.fixture
def metered(home):
    """Give a home whose inverter was commissioned 40 days ago and has a meter, read hourly."""

    def make(**settings):
        commissioned = datetime.now(UTC).date() - timedelta(days=40)
        return home(inverters=1, meter_rows_every_s=3600, commissioned=commissioned, **settings)

    return make


def truth(at_home):
    """List all that the simulator has until the present hour."""
    (serial,) = at_home.simulator.serials
    return at_home.simulator.truth_of(
        "inverter-meter-data",
        serial,
        address=1,
        start_time="2020-01-01",
        end_time=(datetime.now(UTC).date() + timedelta(days=2)).isoformat(),
    )


def assert_has_everything(at_home):
    """The table has every row of the simulator, value by value."""
    rows = at_home.rows(f"SELECT * FROM {DATASET.name} ORDER BY time")
    sent = truth(at_home)
    assert len(sent) > 24 * 39
    names = ("address", "time", *as_columns(sent[0]))
    # An hour can begin while the test runs.
    assert [{name: row[name] for name in names} for row in rows] == [
        {"address": 1, "time": datetime.fromisoformat(row["time"]), **as_columns(row)}
        for row in sent
    ][: len(rows)]
    assert len(sent) - len(rows) <= 1


# Each way in which the API can read dates.
READINGS = ["utc", "local", "utc, last included", "local, last included"]


@pytest.mark.slow_but_first
@pytest.mark.parametrize("reading", READINGS)
def test_all_of_history_is_read_once_and_then_the_last_days(metered, reading):
    at_home = metered(meter_dates=reading)
    today = datetime.now(UTC).date()
    assert at_home.refresh(DATASET, lists=LISTS).failures == []
    tomorrow, middle = today + timedelta(days=1), today - timedelta(days=30)
    assert sorted(spans(at_home)) == [(today - timedelta(days=41), middle), (middle, tomorrow)]
    assert_has_everything(at_home)
    at_home.refresh(DATASET, lists=LISTS)
    # Of 11:40 local time: the day before yesterday can still change.
    assert spans(at_home) == [(today - timedelta(days=2), tomorrow)]
    at_home.refresh(DATASET, lists=LISTS, refetch=True)
    assert len(spans(at_home)) == 2


@pytest.mark.slow
def test_parameters_are_sent_in_the_query_and_in_the_body(metered):
    at_home = metered()
    devices = at_home.devices(*LISTS)
    with at_home.session() as session:
        requests = list(DATASET.requests(known_state_of(session, devices)))
    assert len(requests) == 2
    for request in requests:
        assert request.body == request.query
        assert request.query.keys() == {"address", "start_time", "end_time"}
    at_home.refresh(DATASET, lists=LISTS)
    # Not a page of a list.
    assert {name for request in at_home.simulator.requests for name in request.query} == {
        "address", "start_time", "end_time",
    }  # fmt: skip


@pytest.mark.slow
def test_a_span_that_failed_is_requested_again(metered):
    at_home = metered()
    (serial,) = at_home.simulator.serials
    at_home.simulator.fail(rf"/v1/inverter/{serial}/meter/data", status=500, times=1)
    assert len(at_home.refresh(DATASET, lists=LISTS).failures) == 1
    failed = spans(at_home)[0]
    at_home.refresh(DATASET, lists=LISTS)
    assert failed in spans(at_home)
    assert_has_everything(at_home)


@pytest.mark.slow_but_first
@pytest.mark.parametrize(("most", "requests"), [(10, 12), (1, 47)])
def test_ranges_that_are_too_long_are_shortened_and_no_day_is_lost(metered, most, requests):
    at_home = metered(meter_max_days=most, meter_dates="local")
    report = at_home.refresh(DATASET, lists=LISTS)
    assert report.failures == []
    lengths = [(end - start).days for start, end in spans(at_home)]
    assert (max(lengths), len(lengths)) == (31, requests)
    # A part of a refused range ends today, not tomorrow: today's hours come with the next days.
    today = datetime.now(UTC).astimezone(LONDON).date()
    rows = at_home.rows(f"SELECT * FROM {DATASET.name} ORDER BY time")
    times = [datetime.fromisoformat(row["time"]) for row in truth(at_home)]
    assert [row["time"] for row in rows if row["local_date"] < today] == [
        time for time in times if time.astimezone(LONDON).date() < today
    ]


@pytest.mark.slow
def test_a_body_that_is_refused_is_left_out(metered):
    at_home = metered(get_bodies_refused=True, meter_dates="utc, last included")
    assert at_home.refresh(DATASET, lists=LISTS).failures == []
    assert_has_everything(at_home)


# What three years cost: without limits, as many requests as there are spans of so many days (36,
# 37, 110, 157, 1,098); to find a limit costs some more, once.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "requests"),
    [
        ({}, 36),
        ({"meter_max_days": 30}, 41),
        ({"meter_max_days": 10}, 117),
        ({"meter_max_days": 7}, 166),
        ({"get_bodies_refused": True}, 37),
        ({"get_bodies_refused": True, "meter_max_days": 10}, 119),
    ],
)
def test_limits_are_learnt_once_and_remembered(home, limits, requests):
    commissioned = datetime.now(UTC).date() - timedelta(days=1096)
    at_home = home(inverters=1, meter_rows_every_s=43_200, commissioned=commissioned, **limits)
    assert at_home.refresh(DATASET, lists=LISTS).failures == []
    assert len(spans(at_home)) == requests
    (count,) = at_home.rows(f"SELECT count(DISTINCT local_date) AS days FROM {DATASET.name}")
    assert count["days"] >= 1096
    at_home.refresh(DATASET, lists=LISTS)
    assert len(spans(at_home)) == 1
    # Another run plans the whole history with what the first one has learnt.
    at_home.refresh(DATASET, lists=LISTS, refetch=True)
    least = 1098 / limits.get("meter_max_days", 31)
    assert least <= len(spans(at_home)) <= least + 3


@pytest.mark.slow
@pytest.mark.parametrize("status", [422, 404])
@pytest.mark.parametrize("is_partial_refused", [True, False])
def test_days_older_than_the_api_keeps_are_found_once_and_asked_for_weekly(
    home, status, is_partial_refused
):
    now = datetime.now(UTC)
    today = now.date()
    commissioned, kept = today - timedelta(days=700), today - timedelta(days=300)
    at_home = home(inverters=1, meter_rows_every_s=43_200, commissioned=commissioned)
    sim = at_home.simulator
    for days in range(720):
        day = today - timedelta(days=days)
        name = "start_time" if is_partial_refused else "end_time"
        if day < kept:
            sim.override(f"/meter/data.*{name}={day}", OLD, status=status)
    report = at_home.refresh(DATASET, lists=LISTS)
    assert (report.failures, report.stopped) == ([], None)
    asked = len(spans(at_home))
    assert asked <= 24
    (oldest,) = at_home.rows(f"SELECT min(time) AS time FROM {DATASET.name}")
    # A range that is only partly too old can be answered.
    margin = timedelta(days=1 if is_partial_refused else 31)
    assert kept - margin <= oldest["time"].date() <= kept
    (told,) = report.unavailable
    assert "meter 1: Nothing until " in told
    # Another command confirms it; then only the last days are asked for, and a week later again.
    counts = []
    for hours in (2, 24, 48, 24 * 8, 24 * 9):
        with clock.at(now + timedelta(hours=hours)) as moment:
            sim.set_clock(moment)
            report = at_home.refresh(DATASET, lists=LISTS)
            assert (report.failures, report.stopped) == ([], None)
            counts.append((len(spans(at_home)), len(report.unavailable)))
    print(asked, counts)
    assert [count for count, _ in counts[1:3]] == [1, 1]
    assert [told for _, told in counts] == [1, 0, 0, 1, 0]


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_commissioning_day_in_summer_time_is_requested_from_its_local_midnight(home):
    commissioned = date(2024, 7, 1)
    at_home = home(
        {"GIVLAKE_RANGE_DAYS": "366"}, inverters=1, commissioned=commissioned,
        meter_rows_every_s=86_400 // 2,
    )  # fmt: skip
    at_home.refresh(DATASET, lists=LISTS)
    assert min(start for start, _ in spans(at_home)) <= date(2024, 6, 30)
