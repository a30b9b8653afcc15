"""The energy balance by half hour: flows, and what data points show where there are none."""

from datetime import UTC, date, datetime, timedelta

import pytest

from simulator import Simulator, SimulatorConfig
from tests.support import clock
from tests.support.owner import Owner
from tests.support.simulator_truth import days_between

pytestmark = pytest.mark.slow

FIRST, LAST = date(2025, 3, 27), date(2025, 4, 2)
SPRING = date(2025, 3, 30)
DAY_WITH_A_GAP = date(2025, 3, 28)
DAY_WITH_NULLS = date(2025, 4, 1)
DAY_WITHOUT_BATTERY = date(2025, 3, 29)
DAY = timedelta(days=1)
FLOWS = (
    "pv_to_home", "pv_to_battery", "pv_to_grid", "grid_to_home", "grid_to_battery",
    "battery_to_home", "battery_to_grid",
)  # fmt: skip


@pytest.fixture(scope="module")
def sim():
    config = SimulatorConfig(
        inverters=2, gateways=1, seed=5, rate_limit=100_000, commissioned=date(2025, 3, 20),
        empty_day_rate=0.0, flow_gap_rate=0.0, clock=datetime(2025, 4, 20, 12, tzinfo=UTC),
    )  # fmt: skip
    with Simulator(config) as sim:
        inverter = sim.serials[0]
        points = sim.truth(inverter, DAY_WITH_A_GAP)
        kept = [p for p in points if not "T10:05" <= p["time"][10:16] < "T11:20"]
        sim.set_rows(inverter, DAY_WITH_A_GAP, kept)
        points = sim.truth(inverter, DAY_WITH_NULLS)
        for point in points:
            if "T12:00" <= point["time"][10:16] < "T13:30":
                point["power"]["battery"]["power"] = None
        sim.set_rows(inverter, DAY_WITH_NULLS, points)
        points = sim.truth(inverter, DAY_WITHOUT_BATTERY)
        for point in points:
            point["power"]["battery"] = {}
            point["today"]["battery"] = {"charge": 0, "discharge": 0}
        sim.set_rows(inverter, DAY_WITHOUT_BATTERY, points)
        yield sim


@pytest.fixture(scope="module")
def owner(sim, tmp_path_factory):
    """Give an owner of all points, but of no flows of the last two days."""
    owner = Owner(
        tmp_path_factory.mktemp("owner"),
        {
            "GIVENERGY_API_URL": sim.base_url,
            "GIVLAKE_DATASETS": "inverter_data_points,energy_flows",
        },
        token=sim.token,
    )
    for dataset, last in (("inverter_data_points", LAST), ("energy_flows", LAST - 2 * DAY)):
        done = owner.givlake("backfill", "--dataset", dataset, "--start", FIRST, "--end", last)
        assert done.status == 0, done.output
    return owner


def derived(owner, serial, day):
    return owner.sql(
        "SELECT start_local::TIME::VARCHAR AS start, * FROM half_hourly_balance_from_points"
        f" WHERE inverter_serial = '{serial}' AND local_date = '{day}' ORDER BY start_at"
    )


def test_flows_come_first_and_what_they_lack_is_derived(owner, sim):
    found = owner.sql(
        "SELECT local_date, source, count(*) AS half_hours FROM half_hourly_balance"
        f" WHERE inverter_serial = '{sim.serials[1]}' GROUP BY ALL ORDER BY ALL"
    )
    assert [tuple(row.values()) for row in found] == [
        *(
            (day, "energy_flows", 46 if day == SPRING else 48)
            for day in days_between(FIRST, LAST - 2 * DAY)
        ),
        # The half hour that begins at the end of a range comes with it.
        (LAST - DAY, "energy_flows", 1),
        (LAST - DAY, "inverter_data_points", 47),
        # A Gateway's days are those of UTC.
        (LAST, "inverter_data_points", 48),
        (LAST + DAY, "inverter_data_points", 1),
    ]
    (keys,) = owner.sql(
        "SELECT count(*) AS rows, count(DISTINCT (inverter_serial, start_at)) AS keys"
        " FROM half_hourly_balance"
    )
    assert keys["rows"] == keys["keys"]


def test_derived_half_hours_equal_the_truth_of_the_day_whose_flows_are_not_there(owner, sim):
    serial = sim.serials[1]
    day = LAST - DAY
    flows = sim.truth_of(
        "energy-flows", serial, start_time=str(day), end_time=str(day + DAY), grouping=0,
        types=list(range(7)),
    )  # fmt: skip
    rows = derived(owner, serial, day)
    true = {row["start_time"][11:] + ":00": row["data"] for row in flows[:48]}
    assert [row["start"] for row in rows] == list(true)
    for number, name in enumerate(FLOWS):
        deviations = [row[f"{name}_kwh"] - true[row["start"]][str(number)] for row in rows]
        assert max(map(abs, deviations)) < 0.2, name
        assert abs(sum(deviations)) < 0.3, name
    for row in rows:
        parts = {name: row[f"{name}_kwh"] for name in FLOWS}
        assert min(parts.values()) >= 0
        assert row["solar_kwh"] == pytest.approx(sum(v for k, v in parts.items() if "pv_" in k))
        assert row["import_kwh"] == pytest.approx(parts["grid_to_home"] + parts["grid_to_battery"])
        assert row["charge_kwh"] == pytest.approx(parts["pv_to_battery"] + parts["grid_to_battery"])


def test_days_add_up_to_their_counters(owner, sim):
    (row,) = owner.sql(f"""
        SELECT solar_kwh, import_kwh, discharge_kwh, solar, import, discharge
        FROM (
            SELECT local_date, sum(solar_kwh) AS solar_kwh, sum(import_kwh) AS import_kwh,
                sum(discharge_kwh) AS discharge_kwh
            FROM half_hourly_balance_from_points
            WHERE inverter_serial = '{sim.serials[0]}' GROUP BY local_date
        ) JOIN (
            SELECT local_date, arg_max(today_solar_kwh, time) AS solar,
                arg_max(today_grid_import_kwh, time) AS import,
                arg_max(today_battery_discharge_kwh, time) AS discharge
            FROM inverter_data_points
            WHERE inverter_serial = '{sim.serials[0]}' GROUP BY local_date
        ) USING (local_date) WHERE local_date = '{SPRING}'
    """)
    for name in ("solar", "import", "discharge"):
        assert row[f"{name}_kwh"] == pytest.approx(row[name], abs=0.15), name


def test_half_hours_that_points_do_not_cover_have_no_row(owner, sim):
    starts = {row["start"] for row in derived(owner, sim.serials[0], DAY_WITH_A_GAP)}
    # 10:05 to 11:20 UTC; the clock of the house is UTC in winter.
    lost = {"10:00:00", "10:30:00", "11:00:00"}
    assert starts & lost == set()
    assert {"09:30:00", "11:30:00"} <= starts
    starts = {row["start"] for row in derived(owner, sim.serials[0], DAY_WITH_NULLS)}
    # A battery power that is null is no zero: 12:00 to 13:30 UTC are 13:00 to 14:30 here.
    assert not starts & {"13:00:00", "13:30:00", "14:00:00"}
    assert {"12:00:00", "15:00:00"} <= starts


def test_an_inverter_without_a_battery_has_half_hours_too(owner, sim):
    rows = derived(owner, sim.serials[0], DAY_WITHOUT_BATTERY)
    assert len(rows) > 44
    # The first and the last share a step with another day.
    assert sum(row["charge_kwh"] + row["discharge_kwh"] for row in rows[1:-1]) == 0
    assert sum(row["solar_kwh"] for row in rows) > 1


def test_half_hours_do_not_depend_on_the_session(owner):
    # Sums depend on the order of their parts in the last digits.
    sql = (
        "SELECT inverter_serial, start_at, start_local, local_date, round(COLUMNS('.*_kwh'), 9)"
        " FROM half_hourly_balance_from_points ORDER BY inverter_serial, start_at"
    )
    assert owner.sql(sql, zone="Asia/Kathmandu") == owner.sql(sql)


def test_flows_agree_with_what_is_derived_from_points(owner):
    (all_rows,) = owner.sql(f"""
        SELECT count(DISTINCT item) AS flows, count(DISTINCT (device_id, day)) AS days,
            count(*) FILTER (NOT is_within) AS outside, max(abs(deviation_kwh)) AS largest
        FROM reconcile_flows_points WHERE day <> '{DAY_WITHOUT_BATTERY}'
    """)
    assert all_rows["flows"] == len(FLOWS)
    assert all_rows["days"] == 10
    assert all_rows["outside"] == 0
    assert 0 < all_rows["largest"] < 0.35


def test_doctor_says_when_flows_begin_to_be_refused(simulate, own, today):
    sim = simulate(inverters=2, commissioned=today - 10 * DAY)
    owner = own(sim, GIVLAKE_DATASETS="inverter_data_points,energy_flows")
    assert owner.givlake("backfill", "--start", today - 3 * DAY).status == 0
    asked = owner.givlake("doctor").out
    assert "deprecated" not in asked
    body = b'{"message":"The route v1/inverter/X/energy-flows could not be found."}'
    sim.override("energy-flows", body, status=404)
    with clock.at(datetime.now(UTC) + DAY):
        done = owner.givlake("sync")
        assert done.status == 1
        assert "is gone" not in done.out
        (line,) = (
            line
            for line in owner.givlake("doctor").out.splitlines()
            if line.startswith("note  energy_flows") and "not available" not in line
        )
    assert "(404" in line
    assert "deprecated since version 1.53" in line
    assert "The view half_hourly_balance derives half hours without a flow" in line
    assert "GIVLAKE_DATASETS=-energy_flows,-energy_flow_aggregates" in line
    owner = own(sim, GIVLAKE_DATASETS="-energy_flows,-energy_flow_aggregates")
    assert "deprecated" not in owner.givlake("doctor").out


def test_a_plan_without_flows_keeps_nothing_else_back(simulate, own, today):
    sim = simulate(inverters=2, commissioned=today - 10 * DAY, refused={"energy-flows": "402"})
    owner = own(sim, GIVLAKE_DATASETS="energy_flows,inverter_data_points")
    days = (today - 3 * DAY, today - DAY)
    done = owner.givlake("backfill", "--start", days[0], "--end", days[1])
    assert done.status == 1
    assert "GivEnergy Premium" in done.out
    assert set(owner.day_states("inverter_data_points", *days)) <= {"complete", "provisional"}
    (found,) = owner.sql("SELECT source, count(*) AS rows FROM half_hourly_balance GROUP BY 1")
    assert found["source"] == "inverter_data_points"
    assert found["rows"] > 150
    # One request shows it: none for each device or month.
    assert sum(r.path.endswith("energy-flows") for r in sim.requests) <= 3
