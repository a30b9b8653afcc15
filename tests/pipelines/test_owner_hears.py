"""The owner hears of counters that fall or jump, gaps, drift and quarantined values."""

import json
from datetime import date, timedelta
from itertools import pairwise

import pytest

from pipelines.health.findings import _changed, findings, refresh_findings
from simulator import Simulator, SimulatorConfig
from tests.support import clock
from tests.support.owner import Owner
from tests.support.simulator_truth import days_between, without_hours

pytestmark = pytest.mark.slow

DAYS = days_between(date(2025, 6, 9), date(2025, 6, 14))
FELL, JUMPED, WILD, SILENT = DAYS[1:5]
LATER = days_between(date(2025, 6, 20), date(2025, 6, 21))


@pytest.fixture(scope="module")
def sim():
    config = SimulatorConfig(
        inverters=1,
        gateways=0,
        seed=10,
        rate_limit=100_000,
        commissioned=DAYS[0],
        empty_day_rate=0.0,
        rows_per_day=144,
    )
    with Simulator(config) as sim:
        (serial,) = sim.serials
        for day, change in ((FELL, fall), (JUMPED, jump), (WILD, spoil)):
            points = sim.truth(serial, day)
            change(points)
            sim.set_rows(serial, day, points)
        sim.set_rows(serial, SILENT, without_hours(sim.truth(serial, SILENT), 11, 12, 13))
        yield sim


def fall(points):
    """Let the counter of solar energy fall to zero at noon."""
    noon = next(point for point in points if point["time"][11:13] == "12")["today"]["solar"]
    for point in points:
        if "12" <= point["time"][11:13] < "23":
            point["today"]["solar"] = round(point["today"]["solar"] - noon, 1)


def jump(points):
    """Let the counter of solar energy jump at noon."""
    for point in points:
        if "12" <= point["time"][11:13] < "23":
            point["today"]["solar"] += 35.2


def spoil(points):
    """Send impossible temperatures, a time in the future and an unknown status."""
    for point in points[:30]:
        point["power"]["inverter"]["temperature"] = 6532.6
    points[40]["time"] = "2031-01-01T00:00:00Z"
    points[41]["status"] = "HIBERNATING"


@pytest.fixture(scope="module")
def told(sim, tmp_path_factory):
    """Fetch the days; return the owner and what the command printed."""
    owner = Owner(
        tmp_path_factory.mktemp("owner"), {"GIVENERGY_API_URL": sim.base_url}, token=sim.token
    )
    done = owner.givlake("backfill", "--start", DAYS[0], "--end", DAYS[-1])
    assert done.status == 0, done.output
    return owner, done.out


def line_of(text, beginning):
    """Return the only line of a text that begins in a given way."""
    (line,) = (line for line in text.splitlines() if line.strip().startswith(beginning))
    return line


def test_a_command_prints_a_line_for_each_kind(sim, told):
    _, printed = told
    (serial,) = sim.serials
    fell = line_of(printed, "A counter fell: 1 new device-day")
    assert f"({serial} {FELL} today_solar " in fell
    jumped = line_of(printed, "A counter jumped, or differs from the power: 1 new device-day")
    assert f"({serial} {JUMPED} solar -35" in jumped
    gap = line_of(printed, "More than 30 minutes without a data point")
    assert f"1 new device-day ({serial} {SILENT} 3." in gap
    assert "30 rows with a quarantined value, now null" in printed
    assert "\n1 row quarantined; see `givlake quarantine`." in printed
    assert "unsigned negative power.inverter.temperature = (65536 - x) / 10, 30 times" in printed


def test_status_has_a_line_for_each_kind(sim, told):
    owner, _ = told
    (serial,) = sim.serials
    done = owner.givlake("status")
    fell = line_of(done.out, "A counter fell: 1 device-day, 1 found in the last 7 days")
    assert f"({serial} {FELL} today_solar " in fell
    assert 'givlake query "FROM reconcile_counters WHERE NOT is_within"' in fell
    jumped = line_of(done.out, "A counter jumped, or differs from the power: 1 device-day")
    assert f"({serial} {JUMPED} solar -35" in jumped
    gap = line_of(done.out, "More than 30 minutes without a data point (inverter on, points not")
    assert f"({serial} {SILENT} 3." in gap
    values = line_of(done.out, "inverter_data_points: 30 rows with a quarantined value")
    assert "30 check_failed; 30 of the last 7 days" in values
    rows = line_of(done.out, "inverter_data_points: 1 row quarantined")
    assert "1 time_not_requested; 1 of the last 7 days" in rows
    drift = line_of(done.out, "inverter_data_points: 2 undocumented values")
    assert "2 of the last 7 days" in drift
    (points, *_) = json.loads(owner.givlake("status", "--format", "json").out)
    assert points["values_quarantined"] == {"check_failed": 30}
    assert points["quarantined"] == {"time_not_requested": 1}
    assert points["findings"] == {
        check: {"device_days": 1, "new_in_7_days": 1}
        for check in ("reconcile_counters", "reconcile_counters_power", "gaps")
    }


def test_what_is_older_than_a_week_is_not_called_new(told):
    owner, _ = told
    (at,) = owner.sql("SELECT max(fetched_at) + INTERVAL 8 DAY AS later FROM requests")
    with clock.at(at["later"]):
        shown = owner.givlake("status").out
    assert "A counter fell: 1 device-day (" in shown
    assert "of the last 7 days" not in shown


def test_reading_commands_store_nothing_and_a_build_restores_what_was_lost(told):
    owner, _ = told
    file = owner.data / "index" / "findings.parquet"
    stored = file.read_bytes()
    owner.givlake("status")
    with owner.lake() as lake:
        # Nothing has changed, so nothing is compared or written.
        refresh_findings(lake)
        assert file.read_bytes() == stored
        before = [(each.check, each.days) for each in findings(lake)]
    file.write_bytes(b"damaged")
    assert "A counter fell" not in owner.givlake("status").out
    assert owner.givlake("build").status == 0
    with owner.lake() as lake:
        assert [(each.check, each.days) for each in findings(lake)] == before


def test_a_finding_goes_when_its_day_is_put_right(sim, told):
    owner, _ = told
    (serial,) = sim.serials
    points = sim.truth(serial, JUMPED)
    for point in points:
        if "12" <= point["time"][11:13] < "23":
            point["today"]["solar"] = round(point["today"]["solar"] - 35.2, 1)
    sim.set_rows(serial, JUMPED, points)
    done = owner.givlake("backfill", "--refetch", "--start", JUMPED, "--end", JUMPED)
    # What an earlier command has printed is not repeated.
    assert "new device-day" not in done.out
    shown = owner.givlake("status").out
    assert "A counter jumped" not in shown
    assert "A counter fell: 1 device-day" in shown


def test_no_gap_spans_days_that_were_not_requested(sim, told):
    owner, _ = told
    done = owner.givlake("backfill", "--start", LATER[0], "--end", LATER[-1])
    assert done.status == 0
    gaps = owner.sql("SELECT first_date, last_date, duration_s FROM gaps")
    assert [(gap["first_date"], gap["last_date"]) for gap in gaps] == [(SILENT, SILENT)]
    # When the days between are requested, and nothing is there, the gap is theirs.
    (serial,) = sim.serials
    between = days_between(DAYS[-1] + timedelta(days=1), LATER[0] - timedelta(days=1))
    for day in between:
        sim.set_rows(serial, day, [])
    owner.givlake("backfill", "--start", between[0], "--end", between[-1])
    (gap,) = owner.sql("SELECT first_date, last_date FROM gaps WHERE duration_s > 86400")
    assert (gap["first_date"], gap["last_date"]) == (DAYS[-1], LATER[0])


def test_a_counter_that_falls_over_a_gap_gives_no_energy(sim, told):
    owner, _ = told
    (serial,) = sim.serials
    day = LATER[-1] + timedelta(days=2)
    points = without_hours(sim.truth(serial, day), 10, 11)
    for point in points:
        if point["time"][11:13] >= "12":
            point["total"]["solar"] = 1
            point["total"]["grid"]["import"] += 1e6
    sim.set_rows(serial, day, points)
    owner.givlake("backfill", "--start", day, "--end", day)
    (gap,) = owner.sql(f"SELECT * FROM gaps WHERE first_date = '{day}' AND duration_s > 6000")
    assert (gap["solar_kwh"], gap["grid_import_kwh"]) == (None, None)
    assert gap["consumption_kwh"] > 0


def test_a_long_history_is_compared_in_parts_that_leave_out_no_day():
    months = {f"{year}-{month:02d}": "hash" for year in range(2016, 2026) for month in range(1, 13)}
    ranges = _changed(months, {})
    assert (ranges[0][0], ranges[-1][1]) == (date(2015, 12, 1), date(2026, 2, 1))
    assert all(end == begin for (_, end), (begin, _) in pairwise(ranges))
    assert max(last - first for first, last in ranges) <= timedelta(days=366)
    apart = {"2016-01": "hash", "2025-01": "hash"}
    assert _changed(apart, {}) == [
        (date(2015, 12, 1), date(2016, 3, 1)),
        (date(2024, 12, 1), date(2025, 3, 1)),
    ]
