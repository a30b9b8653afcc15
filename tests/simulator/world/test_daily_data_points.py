"""Which points a path date selects, and when they become visible."""

import datetime as dt
import itertools

import pytest

from simulator import Simulator, SimulatorConfig

HOUSE, GATEWAY = "XA0000G000", "XA0000G002"


@pytest.fixture(scope="module")
def sim():
    with Simulator(SimulatorConfig(empty_day_rate=0)) as simulator:
        yield simulator


def moment(row):
    return dt.datetime.fromisoformat(row["time"])


def span(rows):
    times = [moment(row) for row in rows]
    assert times == sorted(times)
    return times[0], times[-1]


@pytest.mark.parametrize(
    ("serial", "date", "start", "end"),
    [
        (HOUSE, "2024-01-15", "2024-01-15T00:00Z", "2024-01-16T00:00Z"),
        (HOUSE, "2024-03-31", "2024-03-31T00:00Z", "2024-03-31T23:00Z"),
        (HOUSE, "2024-06-15", "2024-06-14T23:00Z", "2024-06-15T23:00Z"),
        (HOUSE, "2024-10-27", "2024-10-26T23:00Z", "2024-10-28T00:00Z"),
        (GATEWAY, "2024-03-31", "2024-03-31T00:00Z", "2024-04-01T00:00Z"),
        (GATEWAY, "2024-06-15", "2024-06-15T00:00Z", "2024-06-16T00:00Z"),
        (GATEWAY, "2024-10-27", "2024-10-27T00:00Z", "2024-10-28T00:00Z"),
    ],
)
def test_a_day_is_local_or_for_a_gateway_utc(sim, serial, date, start, end):
    first, last = span(sim.truth(serial, date))
    start, end = dt.datetime.fromisoformat(start), dt.datetime.fromisoformat(end)
    slack = dt.timedelta(minutes=25)
    assert start <= first < start + slack
    assert end - slack < last < end


@pytest.mark.parametrize("serial", [HOUSE, GATEWAY])
def test_neighbouring_days_share_no_point_and_leave_none_out(sim, serial):
    days = [dt.date(2024, 10, 25) + dt.timedelta(days=i) for i in range(5)]
    rows = [row for day in days for row in sim.truth(serial, day)]
    times = [moment(row) for row in rows]
    assert times == sorted(times)
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert max(gaps) < dt.timedelta(hours=8)
    assert sum(gap > dt.timedelta(minutes=25) for gap in gaps) <= 2


@pytest.mark.parametrize(("serial", "utc_offset_h"), [(HOUSE, 1), (GATEWAY, 1)])
def test_daily_counters_start_again_at_local_midnight(sim, serial, utc_offset_h):
    rows = sim.truth(serial, "2024-06-14") + sim.truth(serial, "2024-06-15")
    drops = [
        moment(b) + dt.timedelta(hours=utc_offset_h)
        for a, b in itertools.pairwise(rows)
        if b["today"]["consumption"] < a["today"]["consumption"] - 1
    ]
    assert drops
    for drop in drops:
        assert drop.hour == 0
        assert drop.minute < 30


def test_before_commissioning_and_in_the_future_there_is_nothing(sim, ask):
    commissioned = sim.devices[0].commissioned
    assert sim.truth(HOUSE, commissioned)
    assert sim.truth(HOUSE, commissioned - dt.timedelta(days=1)) == []
    assert sim.truth(HOUSE, dt.date.today() + dt.timedelta(days=2)) == []
    answer = ask(sim, f"/inverter/{HOUSE}/data-points/1999-01-01")
    assert (answer.status_code, answer.json()["data"]) == (200, [])


def test_some_days_are_really_empty():
    sim = Simulator(SimulatorConfig(empty_day_rate=0.2, rows_per_day=1))
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(60)]
    empty = [day for day in days if not sim.truth(HOUSE, day)]
    assert 4 <= len(empty) <= 22


def test_today_grows_with_the_clock_and_late_rows_appear_later(ask):
    noon = dt.datetime(2024, 6, 15, 12, tzinfo=dt.UTC)
    with Simulator(SimulatorConfig(clock=noon, empty_day_rate=0)) as sim:
        path = f"/inverter/{HOUSE}/data-points/2024-06-15?pageSize=100000"
        at_noon = ask(sim, path).json()["data"]
        assert at_noon == sim.truth(HOUSE, "2024-06-15")
        assert all(moment(row) <= noon for row in at_noon)
        sim.set_clock(noon + dt.timedelta(days=2))
        later = ask(sim, path).json()["data"]
        assert later == sim.truth(HOUSE, "2024-06-15")
        late = [row for row in later if moment(row) < noon and row not in at_noon]
        assert late
        assert [row for row in later if row in at_noon] == at_noon
        sim.set_clock(noon)
        assert ask(sim, path).json()["data"] == at_noon


def test_rows_can_be_replaced_and_restored(sim, ask):
    path = f"/inverter/{HOUSE}/data-points/2024-05-05?pageSize=100000"
    before = ask(sim, path).json()["data"]
    revised = [*before[:-1], {**before[-1], "status": "ERROR"}, {"time": "late"}]
    sim.set_rows(HOUSE, "2024-05-05", revised)
    assert ask(sim, path).json()["data"] == revised == sim.truth(HOUSE, "2024-05-05")
    sim.set_rows(HOUSE, "2024-05-05", None)
    assert ask(sim, path).json()["data"] == before


def test_the_same_seed_gives_the_same_bytes_in_any_order_and_another_does_not(ask):
    dates = ["2024-10-27", "2023-12-31", "2024-06-01"]

    def bodies(seed, order):
        with Simulator(SimulatorConfig(seed=seed, links_base="https://x.test")) as sim:
            return {
                (serial, date): ask(sim, f"/inverter/{serial}/data-points/{date}").content
                for date in order
                for serial in (HOUSE, GATEWAY)
            }

    first = bodies(5, dates)
    assert first == bodies(5, dates[::-1])
    assert all(first[key] != other for key, other in bodies(6, dates).items())
    assert len(set(first.values())) == len(first)
