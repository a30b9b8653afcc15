"""Figures that should agree: planted errors are found, and nothing else is."""

from collections.abc import Callable
from datetime import date

import pytest

from assets.reconciliation import RECONCILIATIONS
from pipelines.health.data_checks import ReconciliationResult, reconcile
from simulator import Simulator, SimulatorConfig
from tests.support.owner import Owner
from tests.support.simulator_truth import days_between

pytestmark = pytest.mark.slow

DAYS = days_between(date(2025, 6, 2), date(2025, 6, 5))
DATASETS = (
    "inverter_data_points",
    "energy_flows",
    "energy_flow_aggregates",
    "ev_charging_sessions",
    "ev_meter_readings",
)


@pytest.fixture(scope="module")
def sim():
    settings = SimulatorConfig(
        inverters=2,
        gateways=0,
        seed=7,
        rate_limit=100_000,
        commissioned=date(2025, 6, 1),
        empty_day_rate=0.0,
        flow_gap_rate=0.0,
        ev_chargers=1,
        ev_points_every_s=300,
        ev_offline_rate=0.0,
    )
    with Simulator(settings) as sim:
        yield sim


@pytest.fixture(scope="module")
def plant(sim) -> dict[str, str]:
    """Plant an error for each comparison; give where it is, as `device day item`."""
    one, other = sim.serials
    (charger,) = sim.charger_uuids
    change_points(sim, one, DAYS[0], slice(100, 120), lambda p: add(p, "power.consumption", 500))
    change_points(sim, one, DAYS[1], slice(250, 251), lambda p: add(p, "total.grid.import", -2))
    change_points(sim, other, DAYS[0], slice(None), lambda p: add(p, "power.solar", 900))
    sessions = sim.truth_of("charging-sessions", charger, start_time="2025-06-02")
    spoilt = min(
        (s for s in sessions if s["stopped_at"] and s["started_at"] > "2025-06-03"),
        key=lambda session: session["started_at"],
    )
    spoilt["meter_stop"] += 4
    reset = max(
        (s for s in sessions if s["stopped_at"] and s["stopped_at"] < "2025-06-05T22"),
        key=lambda session: session["started_at"],
    )
    assert reset is not spoilt
    reset["meter_start"] = 0
    reset["meter_stop"] += 5_000
    sim.set_listing("charging-sessions", charger, sessions)
    return {
        "reconcile_power": f"{one} {DAYS[0]} consumption",
        "reconcile_counters": f"{one} {DAYS[1]} total_grid_import",
        "reconcile_counters_power": f"{other} {DAYS[0]} solar",
        "reconcile_counters_flows": f"{other} {DAYS[2]} grid_import",
        "reconcile_flows": f"{other} {DAYS[2]} grid_to_battery",
        "reconcile_flows_points": f"{other} {DAYS[2]} grid_to_battery",
        "reconcile_sessions": f"{charger} {spoilt['started_at'][:10]} session",
        "reconcile_session_values": f"{charger} {reset['started_at'][:10]} session",
    }


@pytest.fixture(scope="module")
def owner(sim, plant, tmp_path_factory) -> Owner:
    """Give an owner of four days; the tests leave the data as they find it."""
    settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": ",".join(DATASETS)}
    owner = Owner(tmp_path_factory.mktemp("owner"), settings, token=sim.token)
    days = ("--start", DAYS[0], "--end", DAYS[-1])
    first = [text for name in DATASETS if name != "energy_flows" for text in ("--dataset", name)]
    owner.givlake("backfill", *days, *first)
    # What the API said of the days was right; of one half hour it then says something else.
    flows = sim.truth_of(
        "energy-flows", sim.serials[1], start_time="2025-06-02", end_time="2025-06-06", grouping=0
    )
    (half_hour,) = (row for row in flows if row["start_time"] == f"{DAYS[2]} 10:00")
    half_hour["data"]["4"] += 3
    sim.set_listing("energy-flows", sim.serials[1], flows)
    owner.givlake("backfill", *days, "--dataset", "energy_flows")
    return owner


def add(point: dict, path: str, amount: float) -> None:
    leaf = point
    *above, last = path.split(".")
    for name in above:
        leaf = leaf[name]
    if isinstance(leaf[last], dict):
        leaf, last = leaf[last], "power"
    if leaf[last] is not None:
        leaf[last] += amount


def change_points(
    sim: Simulator, serial: str, day: date, which: slice, change: Callable[[dict], None]
) -> None:
    points = sim.truth(serial, day)
    for point in points[which]:
        change(point)
    sim.set_rows(serial, day, points)


def reconciled(owner: Owner) -> dict[str, ReconciliationResult]:
    with owner.lake() as lake:
        return {each.name: reconcile(lake, each) for each in RECONCILIATIONS}


def test_each_planted_error_is_found_where_it_is_and_nothing_else(owner, plant):
    found = reconciled(owner)
    assert found.keys() == plant.keys()
    for name, where in plant.items():
        worst = [f"{row['device_id']} {row['day']} {row['item']}" for row in found[name].worst]
        # The battery's charge comes from the same half hour.
        also = {
            "reconcile_counters_flows": [where.replace("grid_import", "battery_charge")],
            # What is derived has the power that is too much.
            "reconcile_flows_points": [
                plant["reconcile_counters_power"].replace("solar", "pv_to_home")
            ],
            # The total is compared with the power as well.
            "reconcile_counters_power": [
                where.replace("solar", "total_solar"),
                plant["reconcile_counters"],
            ],
        }
        assert sorted(worst) == sorted([where, *also.get(name, [])]), name
        assert found[name].outside == len(worst)
    deviations = {name: each.worst[0]["deviation"] for name, each in found.items()}
    assert deviations["reconcile_power"] == pytest.approx(500, abs=5)
    assert deviations["reconcile_counters"] == pytest.approx(2, abs=0.3)
    assert deviations["reconcile_counters_power"] == pytest.approx(0.9 * 24, abs=1.5)
    assert deviations["reconcile_counters_flows"] == pytest.approx(3, abs=0.3)
    assert deviations["reconcile_flows"] == pytest.approx(3, abs=1e-6)
    assert deviations["reconcile_sessions"] == pytest.approx(4, abs=1e-6)


def test_everything_that_can_be_compared_is_compared(owner):
    found = reconciled(owner)
    days = 2 * len(DAYS)
    (points,) = owner.sql("SELECT count(*) AS n FROM inverter_data_points WHERE local_date < now()")
    assert found["reconcile_power"].rows == days
    assert 0.99 * points["n"] < found["reconcile_power"].compared <= points["n"]
    assert found["reconcile_counters"].rows == days * 14
    assert found["reconcile_counters_power"].rows == days * 10
    # All days are long past; those whose last points are lacking cannot be compared.
    assert days * 6 * 0.7 < found["reconcile_counters_flows"].rows <= days * 6
    assert found["reconcile_flows"].rows == days * 7
    assert found["reconcile_flows"].compared == days * 7 * 48
    # The other session has no energy.
    assert found["reconcile_sessions"].rows == 1


def test_an_energy_that_cannot_be_true_comes_from_the_register(sim, plant, owner):
    (charger,) = sim.charger_uuids
    day = plant["reconcile_session_values"].split()[1]
    (found,) = owner.sql(
        "SELECT e.*, s.energy_kwh AS of_session, s.meter_stop_kwh FROM ev_session_energies AS e"
        " JOIN ev_charging_sessions AS s USING (charger_uuid, started_at)"
        f" WHERE e.started_at::DATE = '{day}' AND e.energy_source <> 'difference'"
    )
    assert (found["energy_source"], found["of_session"]) == ("register", None)
    # The session after it begins where it ended, and the one before ended where it began.
    (before,) = owner.sql(
        "SELECT max(meter_stop_kwh) AS kwh FROM ev_charging_sessions"
        f" WHERE charger_uuid = '{charger}' AND meter_stop_kwh < {found['meter_stop_kwh'] - 5000}"
    )
    true_kwh = found["meter_stop_kwh"] - 5_000 - before["kwh"]
    assert found["energy_kwh"] == pytest.approx(true_kwh, abs=4.1)
    others = owner.sql("SELECT DISTINCT energy_source FROM ev_session_energies ORDER BY ALL")
    assert {row["energy_source"] for row in others} >= {"difference", "register"}


def test_what_the_checks_show_in_dagster(owner, plant):
    with owner.dagster() as (definitions, instance):
        job = definitions.resolve_job_def("check_data")
        done = {
            evaluation.check_name: evaluation
            for evaluation in job.execute_in_process(
                instance=instance
            ).get_asset_check_evaluations()
        }
    assert {name for name in done if name.startswith("reconcile")} == plant.keys()
    sessions = done["reconcile_sessions"]
    assert not sessions.passed
    assert sessions.severity.value == "WARN"
    assert sessions.metadata["rows outside tolerance"].value == 1
    assert sessions.metadata["largest deviation (kWh)"].value == pytest.approx(4)
    assert sessions.metadata["largest deviation at"].value == plant["reconcile_sessions"]
    assert "FROM reconcile_sessions WHERE NOT is_within" in sessions.description
    assert done["inverter_data_points_drift"].passed


def test_days_of_a_charger_stay_expected_when_only_flows_are_requested(sim, owner):
    """The last command asked for energy flows alone, and so for no list of chargers."""
    (found,) = owner.sql(
        "SELECT count(*) FILTER (WHERE is_expected) AS expected,"
        " count(*) FILTER (WHERE is_expected AND state = 'complete') AS complete FROM coverage"
        f" WHERE device_id = '{sim.charger_uuids[0]}'"
    )
    assert found["complete"] == len(DAYS)
    assert found["expected"] > len(DAYS)
