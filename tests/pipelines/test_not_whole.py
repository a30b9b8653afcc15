"""A day is final when the evidence says so, not when its time is up."""

from datetime import UTC, datetime, time, timedelta

import pytest

from givenergy.server_clock import correct_clock
from tests.support import clock
from tests.support.device_lists import change_listed, last_contact
from tests.support.simulator_truth import days_between, days_requested, without_hours

POINTS = "inverter_data_points"
DAY = timedelta(days=1)


@pytest.fixture
def sim(simulate):
    return simulate(inverters=1, gateways=0, rows_per_day=288)


def withhold(sim, first, last, *, keep_hours=0):
    """Make the API lack the points of some days, but for the first hours of the first day."""
    serial = sim.serials[0]
    until = datetime.combine(first, time(), UTC) + timedelta(hours=keep_hours)
    for day in days_between(first, last):
        points = sim.truth(serial, day)
        kept = [point for point in points if datetime.fromisoformat(point["time"]) < until]
        sim.set_rows(serial, day, kept)


def withhold_hours(sim, day):
    """Make the API lack the points of a day from 9 to 15 o'clock."""
    serial = sim.serials[0]
    sim.set_rows(serial, day, without_hours(sim.truth(serial, day), *range(9, 15)))


def give(sim, first, last):
    """Make the API have all points of some days again."""
    for day in days_between(first, last):
        sim.set_rows(sim.serials[0], day, None)


@pytest.mark.slow
def test_days_of_an_outage_are_fetched_when_the_device_has_sent_them(sim, own, today):
    """A dongle that was off the net for days sends what it has kept afterwards."""
    first, last = today - 6 * DAY, today
    withhold(sim, first, last, keep_hours=10)
    owner = own(sim)
    assert owner.givlake("backfill", "--start", today - 9 * DAY).status == 0
    assert owner.day_states(POINTS, today - 9 * DAY, last) == ["complete"] * 3 + ["provisional"] * 7
    # A device that is away has nothing more to send: its days are not requested again.
    sim.clear_requests()
    assert owner.givlake("sync").status == 0
    assert days_requested(sim) == [today]
    give(sim, first, last)
    sim.clear_requests()
    assert owner.givlake("sync").status == 0
    assert days_requested(sim) == days_between(first, last)
    assert owner.day_states(POINTS, first, today - 2 * DAY) == ["complete"] * 5
    (found,) = owner.sql(f"SELECT count(*) AS points FROM {POINTS}")
    days = days_between(today - 9 * DAY, today)
    sent = [row for day in days for row in sim.truth(sim.serials[0], day)]
    assert found["points"] == len({row["time"] for row in sent})
    sim.clear_requests()
    assert owner.givlake("sync").status == 0
    assert days_requested(sim) == [today]


@pytest.mark.slow
def test_empty_days_of_a_device_that_is_away_wait_for_it(sim, own, today):
    """It had sent nothing of these days when they were fetched."""
    first, away = today - 4 * DAY, today - 6 * DAY
    withhold(sim, first, today)
    change_listed(sim, last_contact(away))
    owner = own(sim)
    assert owner.givlake("backfill", "--start", first, "--end", today - DAY).status == 0
    sim.clear_requests()
    with clock.at(datetime.now(UTC) + 2 * DAY):
        assert owner.givlake("backfill", "--start", first, "--end", today - 2 * DAY).status == 0
        assert owner.day_states(POINTS, first, today - 2 * DAY) == ["provisional"] * 3
        assert days_requested(sim) == []
        give(sim, first, today)
        sim.set_listing("communication-device", str(sim.account["id"]), None)
        assert owner.givlake("backfill", "--start", first, "--end", today - 2 * DAY).status == 0
        assert owner.day_states(POINTS, first, today - 2 * DAY) == ["complete"] * 3


@pytest.mark.slow
def test_a_day_with_a_gap_is_looked_at_again_at_growing_intervals(sim, own, today):
    day = today - 3 * DAY
    withhold_hours(sim, day)
    owner = own(sim)
    assert owner.givlake("backfill", "--start", day, "--end", day + DAY).status == 0
    assert owner.day_states(POINTS, day, day) == ["provisional"]
    shown = owner.givlake("status").out
    assert f"{day}, not final yet: data are missing although counters grew. Fix: givlake" in shown
    assert f"--start {day} --end {day} --refetch" in shown
    looks = []
    sim.clear_requests()
    for number in (4, 5, 8, 9, 16, 17, 32, 33, 34, 40):
        with clock.at(datetime.combine(day + DAY * number, time(12), UTC)):
            owner.givlake("backfill", "--start", day, "--end", day)
        looks += [number for requested in days_requested(sim) if requested == day]
        sim.clear_requests()
    # Whole days after the day's own end, which is at midnight: seen at noon of the same day.
    assert looks == [5, 9, 17, 33]
    assert owner.day_states(POINTS, day, day) == ["complete"]
    shown = owner.givlake("status", "--gaps")
    assert "points not sent" in shown.out


def test_a_night_without_points_and_without_energy_is_no_gap(sim, own, today):
    """An inverter that is off at night sends nothing, and its counters stand still."""
    serial, first = sim.serials[0], today - 4 * DAY
    for day in days_between(first, today - DAY):
        points = without_hours(sim.truth(serial, day), *range(9), *range(15, 24))
        sim.set_rows(serial, day, freeze(points))
    owner = own(sim)
    assert owner.givlake("backfill", "--start", first, "--end", today - 2 * DAY).status == 0
    assert owner.day_states(POINTS, first, today - 3 * DAY) == ["complete"] * 2


def freeze(points):
    """Return points whose counters stand still, also from one day to the next."""
    counters = {"solar": 1000.0, "grid": {"import": 1.0, "export": 1.0}, "consumption": 5.0}
    total = {**points[0]["total"], **counters}
    return [{**point, "total": total} for point in points]


@pytest.mark.slow
def test_a_register_that_grew_while_a_charger_sent_nothing_is_looked_at_again(simulate, own, today):
    sim = simulate(inverters=1, ev_chargers=1, ev_points_every_s=600, ev_offline_rate=0.0)
    owner = own(sim, GIVLAKE_DATASETS="ev_meter_readings")
    (charger,), day = sim.charger_uuids, today - 5 * DAY

    def register(hour, wh):
        measurement = {
            "measurand": 4,
            "value": wh,
            "unit": 1,
            "context": 0,
            "format": 0,
            "phase": 0,
        }
        stamp = f"{day}T{hour:02}:00:00Z"
        return {"meter_id": 1, "timestamp": stamp, "measurements": [measurement]}

    still = [register(hour, 7000.0) for hour in (9, 13)]
    named = ("--dataset", "ev_meter_readings", "--start", day, "--end", day, "--refetch")
    for rows, state in (
        (still, "complete"),
        ([*still, register(14, 7400.0)], "complete"),
        ([*still, register(14, 7400.0), register(17, 7900.0)], "provisional"),
    ):
        sim.set_listing("ev-meter-data", charger, rows)
        assert owner.givlake("backfill", *named).status == 0
        assert owner.day_states("ev_meter_readings", day, day) == [state]


@pytest.mark.slow
def test_half_hours_that_are_missing_while_counters_grow_are_looked_for_again(sim, own, today):
    owner = own(sim, GIVLAKE_DATASETS=f"{POINTS},energy_flows")
    serial, day = sim.serials[0], today - 5 * DAY
    flows = sim.truth_of(
        "energy-flows", serial, start_time=str(day), end_time=f"{day} 23:30", grouping=0
    )
    with_gap = [row for row in flows if not "10:00" <= row["start_time"][11:] < "13:00"]
    sim.set_listing("energy-flows", serial, with_gap)
    assert owner.givlake("backfill", "--start", day, "--end", day).status == 0
    (row,) = owner.sql(
        "SELECT state, reason, due_at FROM coverage"
        f" WHERE dataset = 'energy_flows' AND request_date = '{day}'"
    )
    assert row["state"] == "provisional"
    assert "counters grew" in row["reason"]
    assert row["due_at"].date() == day + 9 * DAY


@pytest.fixture
def day_with_gap(sim, today):
    """Make the API lack some hours of a day, which is three days ago."""
    day = today - 3 * DAY
    withhold_hours(sim, day)
    return day


def fetch(owner, day):
    """Fetch a day."""
    assert owner.givlake("backfill", "--start", day, "--end", day).status == 0


def evidence(owner):
    """Return the evidence that is stored about all days."""
    files = owner.data / "index" / "evidence" / "*.parquet"
    return owner.sql(f"FROM read_parquet('{files}') ORDER BY device_id, request_date")


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["lost", "damaged"])
def test_evidence_is_found_again(sim, own, day_with_gap, harm):
    owner = own(sim)
    fetch(owner, day_with_gap)
    before = evidence(owner)
    assert day_with_gap in {row["request_date"] for row in before}
    (file,) = (owner.data / "index" / "evidence").glob("inverter*.parquet")
    file.write_bytes(b"damaged") if harm == "damaged" else file.unlink()
    fetch(owner, day_with_gap)
    assert evidence(owner) == before
    assert owner.day_states(POINTS, day_with_gap, day_with_gap) == ["provisional"]


@pytest.mark.slow
def test_evidence_of_an_erased_device_is_removed(sim, own, day_with_gap):
    owner, serial = own(sim), sim.serials[0]
    fetch(owner, day_with_gap)
    assert day_with_gap in {row["request_date"] for row in evidence(owner)}
    assert owner.givlake("forget", "--device", serial, "--yes").status == 0
    assert serial.encode() not in b"".join(
        path.read_bytes() for path in owner.data.rglob("*") if path.is_file()
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "ahead",
    [
        pytest.param(timedelta(days=2), id="ahead"),
        pytest.param(timedelta(days=-2), id="behind"),
    ],
)
def test_the_apis_time_decides_what_is_over(sim, own, today, ahead, caplog):
    sim.set_clock(datetime.now(UTC))
    owner = own(sim)
    with clock.at(datetime.now(UTC) + ahead):
        done = owner.givlake("backfill", "--start", today - 3 * DAY)
        assert done.status == 0, done.output
        side = "ahead of" if ahead > DAY else "behind"
        assert caplog.text.count(f"clock is 2.0 days {side} the API's") == 1
        # Today and yesterday are not final, whatever this machine takes for today.
        assert days_requested(sim) == days_between(today - 3 * DAY, today)
        states = owner.day_states(POINTS, today - 3 * DAY, today)
        assert states == ["complete"] * 2 + ["provisional"] * 2
        caplog.clear()
        planned = owner.givlake("plan", "--start", today - 3 * DAY)
        assert f"to {today}:" in planned.out
        # A command without a request goes by what the last one has learnt.
        correct_clock(0.0)
        caplog.clear()
        owner.givlake("status")
        said = f"clock was 2.0 days {side} the API's when it was last asked, "
        assert caplog.text.count(said) == 1
        assert "clock is" not in caplog.text
    sim.set_clock(None)
    caplog.clear()
    assert owner.givlake("sync").status == 0
    owner.givlake("status")
    assert "clock is" not in caplog.text


@pytest.mark.slow
def test_an_outage_longer_than_the_days_that_are_searched_is_looked_at_when_it_is_over(
    sim, own, today
):
    """The last point before it was not among the points that the search read."""
    serial, first, noon = sim.serials[0], today - DAY, datetime.now(UTC)
    for number in range(70):
        sim.set_rows(serial, first + DAY * number, [])
    owner = own(sim)
    assert owner.givlake("backfill", "--start", today - 4 * DAY).status == 0
    for days in (20, 38, 56):
        with clock.at(noon + DAY * days):
            assert owner.givlake("sync").status == 0
    give(sim, first, today + 69 * DAY)
    sim.clear_requests()
    with clock.at(noon + DAY * 60):
        assert owner.givlake("sync").status == 0
        days = days_between(today + DAY * 30, today + DAY * 58)
        fetched = days_requested(sim)
        sent = {day: len({row["time"] for row in sim.truth(serial, day)}) for day in days}
    # Days that were last fetched within 32 days of their end are due; others had their last look.
    assert set(days) <= set(fetched)
    rows = owner.sql(f"SELECT request_date, count(*) AS points FROM {POINTS} GROUP BY ALL")
    found = {row["request_date"]: row["points"] for row in rows}
    assert {day: found[day] for day in sent} == sent
