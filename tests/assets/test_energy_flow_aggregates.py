"""Energy flows by day, month, year and in total: labels, which ranges are asked for, the truth."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.energy_flow_aggregates import DATASET, TABLE
from assets.framework.contract.devices import Device, DeviceKind, local_day
from assets.framework.ingestion.fetch_result import Outcome
from pipelines.discovery import known_state_of
from tests.support.api_examples import needs_shared, recorded
from tests.support.simulated_home import decode, leaves, rows_of

DAILY, MONTHLY, YEARLY, TOTAL = 1, 2, 3, 4
KWH = [name for name in TABLE.schema.columns if name.endswith("_kwh")]
LISTS = (COMMUNICATION_DEVICES,)


def period(start, end, **kwh):
    return {"start_time": start, "end_time": end, "data": {k[1:]: v for k, v in kwh.items()}}


def table(grouping, *rows):
    decoded = decode(DATASET, {"data": list(rows)}, params=f'{{"grouping": {grouping}}}')
    return rows_of(decoded, "energy_flow_aggregates")


def test_a_row_has_its_grouping_and_the_moments_of_its_labels():
    values = dict(zip([f"t{code}" for code in range(7)], range(1, 8), strict=True))
    assert table(MONTHLY, period("2024-03-01 00:00", "2024-04-01 00:00", **values)) == [
        {
            "inverter_serial": "SIM0001",
            "grouping": 2,
            "grouping_name": "Monthly",
            "start_at": datetime(2024, 3, 1, tzinfo=UTC),
            "end_at": datetime(2024, 3, 31, 23, tzinfo=UTC),
            "start_local": datetime(2024, 3, 1),
            "end_local": datetime(2024, 4, 1),
            "pv_to_home_kwh": 1.0,
            "pv_to_battery_kwh": 2.0,
            "pv_to_grid_kwh": 3.0,
            "grid_to_home_kwh": 4.0,
            "grid_to_battery_kwh": 5.0,
            "battery_to_home_kwh": 6.0,
            "battery_to_grid_kwh": 7.0,
            "extra_fields": None,
        }
    ]


@pytest.mark.parametrize(
    ("day", "hours"), [("2024-03-31", 23), ("2023-10-29", 25), ("2024-06-05", 24)]
)
def test_days_are_as_long_as_the_clock_makes_them(day, hours):
    after = date.fromisoformat(day) + timedelta(days=1)
    (row,) = table(DAILY, period(f"{day} 00:00", f"{after} 00:00", t0=1))
    assert row["end_at"] - row["start_at"] == timedelta(hours=hours)


def test_a_total_has_the_labels_of_the_request():
    (row,) = table(TOTAL, period("2022-05-10 00:00", "2022-05-10 00:00", t0=1))
    assert row["grouping_name"] == "Total"
    assert row["start_at"] == row["end_at"] == datetime(2022, 5, 9, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ({"start_time": None}, "start_time"),
        ({"end_time": "soon"}, "end_time"),
        ({"end_time": "2024-03-01 00:00"}, "end_time"),
    ],
)
def test_rows_that_cannot_stand_are_quarantined(change, column):
    good = period("2024-03-01 00:00", "2024-03-02 00:00", t0=1)
    bad = {**period("2024-03-02 00:00", "2024-03-03 00:00", t0=2), **change}
    decoded = decode(DATASET, {"data": [bad, good]}, params='{"grouping": 1}')
    (aside,) = decoded.quarantine.to_pylist()
    assert (aside["reason"], aside["column"]) == ("not_decodable", column)
    (row,) = rows_of(decoded, "energy_flow_aggregates")
    assert row["pv_to_home_kwh"] == 1.0


def ranges(requests):
    return {
        grouping: [
            (request.body["start_time"], request.body["end_time"])
            for request in requests
            if request.body["grouping"] == grouping
        ]
        for grouping in (DAILY, MONTHLY, YEARLY, TOTAL)
    }


def days_ago(today, days):
    return datetime(today.year, today.month, today.day, 12, tzinfo=UTC) - timedelta(days=days)


def asks_of(home, device, *, now, refetch=False):
    """Say what would be asked for at a time, in an empty home or after what was fetched."""
    with home.session() as session:
        view = known_state_of(session, {DeviceKind.INVERTER: [device]}, refetch=refetch)
        return list(DATASET.requests(replace(view, now=now)))


def test_the_first_time_all_of_a_life_is_requested(home):
    device = Device("SIM", datetime(2022, 5, 10, 9, tzinfo=UTC), None)
    requests = asks_of(home(), device, now=datetime(2024, 7, 10, 23, 30, tzinfo=UTC))
    assert ranges(requests) == {
        # It is the 11th in London already.
        DAILY: [
            ("2022-05-10", "2023-05-10"),
            ("2023-05-11", "2024-05-10"),
            ("2024-05-11", "2024-07-11"),
        ],
        MONTHLY: [("2022-05-01", "2024-07-11")],
        YEARLY: [("2022-01-01", "2024-07-11")],
        TOTAL: [("2022-05-10", "2024-07-11")],
    }
    assert len({(request.device_id, request.label) for request in requests}) == len(requests)
    assert all(request.body["types"] == [0, 1, 2, 3, 4, 5, 6] for request in requests)


def test_an_inverter_of_unknown_age_and_one_that_is_silent(home):
    home, now = home(), datetime(2024, 7, 10, 12, tzinfo=UTC)
    requests = asks_of(home, Device("SIM", None, None), now=now)
    assert ranges(requests)[TOTAL] == [("2015-01-01", "2024-07-10")]
    silent = Device("SIM", datetime(2022, 5, 10, tzinfo=UTC), datetime(2023, 2, 1, tzinfo=UTC))
    requests = asks_of(home, silent, now=now)
    assert ranges(requests)[DAILY] == [("2022-05-10", "2023-02-01")]
    assert ranges(requests)[YEARLY] == [("2022-01-01", "2023-02-01")]


def test_the_total_of_a_silent_inverter_has_its_last_day(home):
    born, last = datetime(2022, 5, 10, tzinfo=UTC), datetime(2023, 2, 1, 11, tzinfo=UTC)
    silent = Device("SIM", born, last)
    requests = asks_of(home(), silent, now=datetime(2024, 7, 10, 12, tzinfo=UTC))
    assert ranges(requests)[TOTAL] == [("2022-05-10", "2023-02-02")]
    # A midnight that is still to come is not asked for.
    requests = asks_of(home(), silent, now=last)
    assert ranges(requests)[TOTAL] == [("2022-05-10", "2023-02-01")]


def truth(sim, serial, grouping, first, last):
    """Give the simulator's periods by their labels."""
    rows = sim.truth_of(
        "energy-flows",
        serial,
        start_time=first.isoformat(),
        end_time=last.isoformat(),
        grouping=grouping,
    )
    return {
        (grouping, row["start_time"], row["end_time"]): [
            float(row["data"][str(code)]) for code in range(7)
        ]
        for row in rows
    }


def stored(home, serial):
    rows = home.rows(f"FROM energy_flow_aggregates WHERE inverter_serial = '{serial}'")
    found = {
        (
            row["grouping"],
            f"{row['start_local']:%Y-%m-%d %H:%M}",
            f"{row['end_local']:%Y-%m-%d %H:%M}",
        ): [row[name] for name in KWH]
        for row in rows
    }
    assert len(found) == len(rows)
    return found


@pytest.fixture
def now():
    """Give a present that stands still, so that nothing is added while a test looks on."""
    return datetime.now(UTC)


@pytest.fixture
def today(now):
    return local_day(now, "Europe/London")


@pytest.fixture
def born(today):
    """Give the day of a commissioning 400 days ago."""
    return today - timedelta(days=400)


@pytest.mark.slow
def test_a_whole_life_equals_the_truth_and_later_only_what_can_change_is_requested(
    home, now, today, born
):
    owner = home(commissioned=born, flow_gap_rate=0.0, clock=now)
    sim = owner.simulator
    report = owner.refresh(DATASET, lists=LISTS)
    assert not report.failures
    assert [result.outcome for result in report.results] == [Outcome.FETCHED] * 10
    assert len(owner.paths()) == 10  # two for the days, one each for months, years, total
    for serial in sim.serials:
        expected = {
            **truth(sim, serial, DAILY, born, today),
            **truth(sim, serial, MONTHLY, born, today),
            **truth(sim, serial, YEARLY, born, today),
            **truth(sim, serial, TOTAL, born, today),
        }
        assert stored(owner, serial) == expected
    report = owner.refresh(DATASET, lists=LISTS)
    last_month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    asked = ranges([r.request for r in report.results if r.request.device_id == sim.serials[0]])
    assert asked == {
        DAILY: [(f"{last_month}", f"{today}")],
        MONTHLY: [(f"{last_month}", f"{today}")],
        YEARLY: [(f"{last_month.year}-01-01", f"{today}")],
        TOTAL: [(f"{born}", f"{today}")],
    }
    assert report.built["new"] == 0
    check_later(owner, sim.serials[0], born, today, now.date() - timedelta(days=4))


def check_later(owner, serial, born, today, settled):
    """After months without a refresh, what was not final at the last one is asked for as well.

    What is final is told by days of UTC, of which a summer's night is still the day before.
    """
    device = Device(serial, days_ago(born, 0), None)
    later = days_ago(today, -200)
    asked = ranges(asks_of(owner, device, now=later))
    assert asked[DAILY] == [(f"{settled}", f"{later.date()}")]
    assert asked[MONTHLY] == [(f"{settled.replace(day=1)}", f"{later.date()}")]
    assert asked[YEARLY] == [(f"{settled.year}-01-01", f"{later.date()}")]
    # All of it again: when the owner says so, or when it turns out to be older.
    for device_again, again in ((device, True), (Device(serial, days_ago(born, 30), None), False)):
        asked = ranges(asks_of(owner, device_again, now=later, refetch=again))
        assert len(asked[DAILY]) == 2
        assert asked[DAILY][0][0] == device_again.commissioned_at.date().isoformat()
    # Of one that was silent before it was asked about only the months, which show if it is back.
    silent = Device(serial, days_ago(born, 0), days_ago(today, 20))
    asked = ranges(asks_of(owner, silent, now=later))
    assert asked == {
        DAILY: [],
        MONTHLY: [(f"{settled.replace(day=1)}", f"{later.date()}")],
        YEARLY: [],
        TOTAL: [],
    }


def test_ranges_that_are_refused_are_halved_where_that_is_possible(home, now, today, born):
    owner = home(inverters=1, commissioned=born, flow_gap_rate=0.0, flows_max_days=370, clock=now)
    report = owner.refresh(DATASET, lists=LISTS)
    # A total cannot be halved.
    sim = owner.simulator
    assert [(answer.request.label, answer.outcome) for answer in report.failures] == [
        (f"grouping 4, {born} to {today}", Outcome.FAILED)
    ]
    expected = {
        key: values
        for grouping in (DAILY, MONTHLY, YEARLY)
        for key, values in truth(sim, sim.serials[0], grouping, born, today).items()
    }
    assert stored(owner, sim.serials[0]) == expected


@pytest.mark.slow
def test_an_api_without_flows_is_no_failure_and_is_remembered(home, born):
    owner = home(commissioned=born, unavailable=frozenset({"energy-flows"}))
    report = owner.refresh(DATASET, lists=LISTS)
    assert not report.failures
    assert report.unavailable
    owner.refresh_later(DATASET, lists=LISTS)
    assert len(owner.paths()) == 1
    owner.refresh(DATASET, lists=LISTS)
    assert owner.paths() == []


@needs_shared
def test_every_leaf_of_the_recorded_days_is_in_a_column():
    answer = recorded("energy_flows_daily_2023-10-18")
    decoded = decode(DATASET, answer, params='{"grouping": 1}')
    rows = rows_of(decoded, "energy_flow_aggregates")
    assert len(rows) == len(answer["data"]) == 2
    columns = {
        description.source: column
        for column, description in TABLE.schema.columns.items()
        if description.source
    }
    for sent, row in zip(answer["data"].values(), rows, strict=True):
        for path, value in leaves(sent):
            found = row[columns[path]]
            if path.endswith("_time"):
                found = f"{row[path.replace('_time', '_local')]:%Y-%m-%d %H:%M}"
            assert found == value
