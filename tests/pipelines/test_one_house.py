"""Tables of a house with a car and cheap hours, against what is true inside the simulation."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner

pytestmark = pytest.mark.slow

FIRST, LAST = date(2024, 10, 24), date(2024, 10, 29)
FLOWS = (
    "pv_to_home", "pv_to_battery", "pv_to_grid", "grid_to_home", "grid_to_battery",
    "battery_to_home", "battery_to_grid",
)  # fmt: skip


def midnight(day):
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/London"))


START, END = midnight(FIRST), midnight(LAST + timedelta(days=1))


@pytest.fixture(scope="module")
def sim():
    config = SimulatorConfig(
        inverters=1, ev_chargers=1, ev_points_every_s=300, cheap_hours="23:30-05:30", seed=5,
        rate_limit=100_000, commissioned=date(2024, 10, 1), empty_day_rate=0.0, flow_gap_rate=0.0,
        ev_offline_rate=0.0, clock=datetime(2024, 11, 20, 12, tzinfo=UTC),
    )  # fmt: skip
    with Simulator(config) as sim:
        yield sim


@pytest.fixture(scope="module")
def owner(sim, tmp_path_factory):
    datasets = "inverter_data_points,energy_flows,ev_charging_sessions,ev_meter_readings"
    owner = Owner(
        tmp_path_factory.mktemp("owner"),
        {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": datasets},
        token=sim.token,
    )
    done = owner.givlake("backfill", "--start", FIRST, "--end", LAST)
    assert done.status == 0, done.output
    return owner


def test_the_balance_is_the_true_one_in_every_half_hour(owner, sim):
    rows = owner.sql(
        "SELECT * FROM half_hourly_balance"
        f" WHERE local_date BETWEEN '{FIRST}' AND '{LAST}' ORDER BY start_at"
    )
    true = list(sim.energies(sim.serials[0], START, END))
    assert len(true) == 6 * 48 + 2
    assert [row["start_at"] for row in rows] == [half.start for half in true]
    for row, half in zip(rows, true, strict=True):
        for name in FLOWS:
            assert row[f"{name}_kwh"] == pytest.approx(getattr(half, name), abs=0.0102)


def test_what_points_show_is_nearly_the_true_balance(owner, sim):
    rows = owner.sql(
        "SELECT * FROM half_hourly_balance_from_points"
        f" WHERE local_date BETWEEN '{FIRST}' AND '{LAST}' ORDER BY start_at"
    )
    true = {half.start: half for half in sim.energies(sim.serials[0], START, END)}
    assert len(rows) > 200
    for name in ("home", "pv_to_home", "grid_to_battery"):
        deviations = [row[f"{name}_kwh"] - getattr(true[row["start_at"]], name) for row in rows]
        assert abs(sum(deviations)) < 0.05 * sum(getattr(half, name) for half in true.values()) + 1


def test_sessions_and_the_home_have_the_energy_that_the_car_charged(owner, sim):
    rows = owner.sql("SELECT started_at, energy_kwh FROM ev_charging_sessions ORDER BY started_at")
    true = list(sim.charged(sim.charger_uuids[0], START, END))
    assert len(true) >= 3
    shown = {row["started_at"]: row["energy_kwh"] for row in rows}
    home = {
        row["start_at"]: row["home_kwh"]
        for row in owner.sql("SELECT start_at, home_kwh FROM half_hourly_balance")
    }
    for session in true:
        assert shown[session.started_at] == pytest.approx(session.kwh, abs=1e-6)
        for start, kwh in session.half_hours:
            if start in home:
                assert home[start] >= kwh - 0.03
