"""Costs: hand-made half hours, tariffs that the command loads, and what they were worked out to."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from simulator import Simulator, SimulatorConfig
from tests.support.flow_rows import LONDON, flow_rows, half_hours
from tests.support.owner import Owner

pytestmark = pytest.mark.slow

SPRING, FLAT_DAY, SUMMER = date(2024, 3, 31), date(2024, 5, 10), date(2024, 6, 10)
AGILE_DAY, HOLE_DAY, FREE_DAY = date(2024, 7, 1), date(2024, 7, 3), date(2024, 8, 10)
AUTUMN, BATTERY_DAY = date(2024, 10, 27), date(2024, 11, 5)
DAYS = (SPRING, FLAT_DAY, SUMMER, AGILE_DAY, HOLE_DAY, FREE_DAY, AUTUMN, BATTERY_DAY)
GO = """
name = "go"
[[period]]
from = 2024-01-01
standing_charge = 53.80
import = [{ price = 27.00 }, { price = 8.50, start = "00:30", end = "05:30", days = "mon-sun" }]
export = [{ price = 15.00 }]
"""
FLAT = """
name = "flat"
[[period]]
from = 2024-01-01
standing_charge = 53.80
import = [{ price = 24.86 }]
export = [{ price = 15.00 }]
"""
PRICED = 41
AGILE = {0: (1.2, -3.15), 1: (0.5, 12.60), 2: (0.3, 35.70)}


def energies_of(start):
    """Give the flows of a half hour, each day of another example."""
    local = start.astimezone(LONDON)
    number = half_hours(local.date()).index(start)
    is_cheap = (0, 30) <= (local.hour, local.minute) < (5, 30)
    if local.date() in (SPRING, SUMMER, AUTUMN):
        return {"grid_to_home": 0.4 if is_cheap else 0.1}
    if local.date() == FLAT_DAY:
        # Import 6.50, export 3.00, home 9.20.
        return {
            0: {"grid_to_home": 4.0}, 20: {"pv_to_home": 2.7, "pv_to_grid": 2.0},
            21: {"pv_to_grid": 1.0}, 40: {"grid_to_home": 2.5},
        }.get(number, {})  # fmt: skip
    if local.date() == AGILE_DAY:
        return {"grid_to_home": AGILE[number][0] if number in AGILE else 0.0}
    if local.date() == BATTERY_DAY:
        return {
            2: {"grid_to_battery": 4.0}, 24: {"pv_to_battery": 2.0},
            36: {"battery_to_home": 3.0}, 37: {"battery_to_grid": 1.5, "grid_to_home": 0.25},
        }.get(number, {})  # fmt: skip
    return {"grid_to_home": 0.2}


def agile_answer():
    """Give prices like Octopus sends them, newest first; they end on the third day at 20:30."""
    rates = []
    for day in (AGILE_DAY, AGILE_DAY + timedelta(days=1), HOLE_DAY):
        for number, start in enumerate(half_hours(day)):
            if day == HOLE_DAY and number >= PRICED:
                break
            pence = AGILE[number][1] if number in AGILE else 20.0
            rates.append(
                {
                    "value_exc_vat": pence / 1.05,
                    "value_inc_vat": pence,
                    "valid_from": f"{start:%Y-%m-%dT%H:%M:%SZ}",
                    "valid_to": f"{start + timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}",
                    "payment_method": None,
                }
            )
    return {"count": len(rates), "next": None, "previous": None, "results": rates[::-1]}


@pytest.fixture(scope="module")
def owner(tmp_path_factory):
    config = SimulatorConfig(
        inverters=1, gateways=0, seed=5, rate_limit=100_000, empty_day_rate=0.0,
        commissioned=date(2024, 1, 1), clock=datetime(2024, 11, 20, 12, tzinfo=UTC),
    )  # fmt: skip
    with Simulator(config) as sim:
        rows = [row for day in DAYS for row in flow_rows(day, energies_of)]
        sim.set_listing("energy-flows", sim.serials[0], rows)
        settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": "energy_flows"}
        owner = Owner(tmp_path_factory.mktemp("owner"), settings, token=sim.token)
        for day in DAYS:
            run(owner, "backfill", "--start", day, "--end", day)
    for name, text in {"go.toml": GO, "flat.toml": FLAT, "rates.json": agile_answer()}.items():
        content = text if isinstance(text, str) else json.dumps(text)
        (owner.folder / name).write_text(content)
    run(owner, "tariffs", "load", "go.toml")
    run(owner, "tariffs", "load", "flat.toml")
    run(owner, "tariffs", "load", "rates.json", "--name", "agile", "--direction", "import")
    run(owner, "tariffs", "use", "go", "--from", "2024-03-01", "--to", "2024-08-01")
    run(owner, "tariffs", "use", "flat", "--from", "2024-05-01", "--to", "2024-06-01")
    run(owner, "tariffs", "use", "agile", "--from", "2024-07-01", "--to", "2024-08-01")
    run(owner, "tariffs", "use", "go", "--from", "2024-10-01")
    return owner


def run(owner, *arguments):
    done = owner.givlake(*arguments)
    assert done.status == 0, done.output


def day_of(owner, day):
    (row,) = owner.sql(f"SELECT * FROM cost_daily WHERE local_date = '{day}'")
    return row


def test_a_flat_tariff_costs_what_was_worked_out(owner):
    day = day_of(owner, FLAT_DAY)
    assert (day["tariff"], day["half_hours"], day["half_hours_expected"]) == ("flat", 48, 48)
    assert day["import_kwh"] == pytest.approx(6.5)
    assert day["export_kwh"] == pytest.approx(3.0)
    assert day["import_cost_gbp"] == pytest.approx(1.6159, abs=1e-9)
    assert day["export_income_gbp"] == pytest.approx(0.45, abs=1e-9)
    assert day["standing_charge_gbp"] == pytest.approx(0.538, abs=1e-9)
    assert day["net_cost_gbp"] == pytest.approx(1.7039, abs=1e-9)
    assert day["without_gbp"] == pytest.approx(2.28712 + 0.538, abs=1e-9)
    assert day["saved_gbp"] == pytest.approx(1.12122, abs=1e-9)
    assert day["battery_saved_gbp"] == pytest.approx(0, abs=1e-9)
    assert day["is_complete"]


@pytest.mark.parametrize(
    ("day", "expected", "pence"),
    [(SPRING, 46, 129.8), (AUTUMN, 50, 143.4), (SUMMER, 48, 136.6)],
)
def test_a_night_rate_costs_what_the_clock_makes_of_it(owner, day, expected, pence):
    found = day_of(owner, day)
    assert (found["tariff"], found["half_hours"]) == ("go", expected)
    assert 100 * found["import_cost_gbp"] == pytest.approx(pence, abs=1e-9)
    assert 100 * found["net_cost_gbp"] == pytest.approx(pence + 53.8, abs=1e-9)
    assert found["is_complete"]
    (macro,) = owner.sql(f"FROM cost_between('go', '{day}', '{day}')")
    assert 100 * macro["import_cost_gbp"] == pytest.approx(pence, abs=1e-9)
    assert (macro["half_hours"], macro["days"], macro["is_complete"]) == (expected, 1, True)


def test_half_hourly_prices_below_zero_are_paid_to_the_owner(owner):
    rows = owner.sql(
        f"SELECT * FROM cost_half_hourly WHERE local_date = '{AGILE_DAY}' ORDER BY start_at"
    )
    assert [row["import_pence"] for row in rows[:4]] == [-3.15, 12.60, 35.70, 20.0]
    costs = [100 * row["import_cost_gbp"] for row in rows]
    assert costs == pytest.approx([-3.78, 6.30, 10.71, *[0.0] * 45], abs=1e-9)
    assert [row["settlement_period"] for row in rows] == list(range(1, 49))
    day = day_of(owner, AGILE_DAY)
    assert 100 * day["import_cost_gbp"] == pytest.approx(13.23, abs=1e-9)
    # This tariff has neither a standing charge nor prices of exports, of which there are none.
    assert day["export_income_gbp"] == 0
    assert (day["standing_charge_gbp"], day["is_complete"]) == (None, False)


def test_a_half_hour_without_a_price_has_no_cost(owner):
    rows = owner.sql(
        f"SELECT * FROM cost_half_hourly WHERE local_date = '{HOLE_DAY}' ORDER BY start_at"
    )
    for row in rows[PRICED:]:
        assert row["import_kwh"] == pytest.approx(0.2)
        assert [row[name] for name in ("import_pence", "import_cost_gbp", "saved_gbp")] == [
            None
        ] * 3
        assert (row["tariff"], row["is_complete"]) == ("agile", False)
    assert all(row["is_complete"] for row in rows[:PRICED])
    day = day_of(owner, HOLE_DAY)
    assert (day["half_hours"], day["half_hours_expected"]) == (PRICED, 48)
    assert not day["is_complete"]
    pence = [AGILE[number][1] if number in AGILE else 20.0 for number in range(PRICED)]
    assert 100 * day["import_cost_gbp"] == pytest.approx(0.2 * sum(pence), abs=1e-9)


def test_without_a_tariff_in_force_there_are_no_costs(owner):
    day = day_of(owner, FREE_DAY)
    money = [name for name in day if name.endswith("_gbp")]
    assert {day[name] for name in money} == {None}
    assert (day["tariff"], day["half_hours"], day["half_hours_expected"]) == (None, 0, 48)
    assert not day["is_complete"]


def test_what_the_battery_saved_counts_its_charge_at_what_it_cost(owner):
    # 3.0 x 27 + 1.5 x 15 - 4.0 x 8.5 - 2.0 x 15 pence.
    day = day_of(owner, BATTERY_DAY)
    assert 100 * day["battery_saved_gbp"] == pytest.approx(39.5, abs=1e-9)
    assert 100 * day["import_cost_gbp"] == pytest.approx(4 * 8.5 + 0.25 * 27, abs=1e-9)
    assert 100 * day["export_income_gbp"] == pytest.approx(22.5, abs=1e-9)
    assert 100 * day["without_gbp"] == pytest.approx(3.25 * 27 + 53.8, abs=1e-9)
    assert 100 * day["saved_gbp"] == pytest.approx(3.25 * 27 - 40.75 + 22.5, abs=1e-9)


def test_a_month_has_the_sums_of_its_days(owner):
    months = {row["month"]: row for row in owner.sql("FROM cost_monthly")}
    assert set(months) == {day.replace(day=1) for day in DAYS}
    july = months[date(2024, 7, 1)]
    days = [day_of(owner, day) for day in (AGILE_DAY, HOLE_DAY)]
    for name in ("import_kwh", "import_cost_gbp", "without_gbp", "saved_gbp", "net_cost_gbp"):
        assert july[name] == pytest.approx(sum(day[name] for day in days)), name
    assert (july["tariffs"], july["days"], july["days_expected"]) == ("agile", 0, 31)
    assert not july["is_complete"]
    assert months[date(2024, 8, 1)]["import_cost_gbp"] is None
    assert months[date(2024, 5, 1)]["days"] == 1


def test_another_tariff_would_have_cost_this(owner):
    found = {(row["tariff"], row["month"]): row for row in owner.sql("FROM cost_what_if")}
    assert len(found) == 3 * 7
    spring = found["flat", date(2024, 3, 1)]
    assert 100 * spring["import_cost_gbp"] == pytest.approx((3.2 + 3.8) * 24.86, abs=1e-9)
    assert 100 * spring["standing_charge_gbp"] == pytest.approx(53.8)
    assert (spring["half_hours"], spring["half_hours_known"], spring["is_complete"]) == (
        46, 46, True,
    )  # fmt: skip
    # The export of that day has no price in the tariff for imports alone.
    unpriced = found["agile", date(2024, 5, 1)]
    assert (unpriced["import_cost_gbp"], unpriced["half_hours"]) == (None, 0)
    assert not unpriced["is_complete"]
    july = found["agile", date(2024, 7, 1)]
    assert (july["half_hours"], july["half_hours_known"], july["is_complete"]) == (
        48 + PRICED, 96, False,
    )  # fmt: skip
    # No tariff was in force in August; each would have cost something.
    august = found["go", date(2024, 8, 1)]
    assert 100 * august["import_cost_gbp"] == pytest.approx(0.2 * (38 * 27 + 10 * 8.5), abs=1e-9)
