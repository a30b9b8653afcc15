"""A day in which the cloud refuses from noon on while an inverter is read on the home network."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from tests.support import clock
from tests.support.local_polls import read_for
from tests.support.made_house import MadeHouse, Powers
from tests.support.modbus_inverter import ModbusInverter, serving

DAY = date(2026, 6, 16)
NOON = datetime(2026, 6, 16, 11, tzinfo=UTC)  # 12:00 in London
EVERY = timedelta(minutes=5)
DATASETS = "inverter_data_points"
ENERGIES = {
    "solar_kwh": "solar",
    "import_kwh": "import",
    "export_kwh": "export",
    "charge_kwh": "charge",
    "discharge_kwh": "discharge",
    "home_counter_kwh": "load",
}


def point(house: MadeHouse, at: datetime) -> dict:
    """Return the data point of the cloud at a moment, whose counters have tenths."""
    power: Powers = house.powers(at)
    return {
        "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "status": "NORMAL",
        "power": {
            "solar": {"power": round(power.solar), "arrays": []},
            "grid": {"voltage": 244.7, "current": 3.1, "power": round(power.grid), "frequency": 50},
            "battery": {"percent": 50, "power": round(power.battery), "temperature": 20},
            "consumption": {"power": round(power.load)},
            "inverter": {
                "temperature": 30,
                "power": round(power.inverter),
                "output_voltage": 245,
                "output_frequency": 50,
                "eps_power": 0,
            },
        },
        **{
            period: {
                "solar": tenths(energies["solar"]),
                "grid": {
                    "import": tenths(energies["import"]),
                    "export": tenths(energies["export"]),
                },
                "battery": {
                    "charge": tenths(energies["charge"]),
                    "discharge": tenths(energies["discharge"]),
                },
                "consumption": tenths(energies["load"]),
                "ac_charge": tenths(energies["ac_charge"]),
            }
            for period, energies in (("today", house.today(at)), ("total", house.total(at)))
        },
        "is_metered": True,
    }


def tenths(kwh: float) -> float:
    return int(kwh * 10 + 1e-6) / 10


@pytest.fixture
def ended(simulate, own):
    """Give a house and its owner, whose cloud refuses from noon on and who reads the inverter."""
    sim = simulate(inverters=1)
    (serial,) = sim.serials
    house = MadeHouse(serial=serial, installed=date(2026, 6, 1))
    start = house.midnight(DAY)
    count = (NOON - start) // EVERY + 1
    cloud = [point(house, start + EVERY * number) for number in range(count)]
    owner = own(sim)
    with clock.at(NOON + timedelta(seconds=20)):
        sim.set_rows(serial, DAY, cloud)
        assert owner.givlake("backfill", "--start", DAY).status == 0
        sim.configure(subscription=False)
    with serving(ModbusInverter(house.registers)) as inverter:
        begun = NOON - timedelta(minutes=9, seconds=13)
        read_for(owner.data, inverter, begun, house.midnight(DAY + timedelta(days=1)) - begun)
    with clock.at(house.midnight(DAY + timedelta(days=1)) + timedelta(hours=4)):
        assert owner.givlake("sync").status != 0
        yield house, owner


def test_the_curve_is_whole_every_rows_source_is_known_and_the_totals_are_true(ended):
    house, owner = ended
    rows = owner.sql(
        "SELECT time, source, solar_power_w, grid_power_w, battery_power_w, consumption_power_w"
        " FROM inverter_data_points JOIN requests USING (response_id) ORDER BY time"
    )
    times = [row["time"] for row in rows]
    assert times[0] == house.midnight(DAY)
    assert times[-1] >= house.midnight(DAY + timedelta(days=1)) - EVERY
    assert max(later - earlier for earlier, later in pairwise(times)) <= EVERY
    sources = [row["source"] for row in rows]
    last_of_api = len(sources) - sources[::-1].index("api") - 1
    assert sources[: sources.index("local")].count("api") == sources.index("local")
    assert set(sources[last_of_api + 1 :]) == {"local"}
    assert times[last_of_api] == NOON
    assert len(rows) == sources.count("api") + sources.count("local")
    for row in rows:
        power = house.powers(row["time"])
        assert row["solar_power_w"] == pytest.approx(power.solar, abs=1)
        assert row["grid_power_w"] == pytest.approx(power.grid, abs=1)
        assert row["battery_power_w"] == pytest.approx(power.battery, abs=1)
        assert row["consumption_power_w"] == pytest.approx(power.load, abs=1)


def test_the_totals_of_the_day_are_within_a_tenth_of_the_truth(ended):
    house, owner = ended
    true = house.today(house.midnight(DAY + timedelta(days=1)) - timedelta(seconds=1))
    (day,) = owner.sql(f"SELECT * FROM daily_energy WHERE local_date = '{DAY}'")
    for column, name in ENERGIES.items():
        assert day[column] == pytest.approx(true[name], abs=0.1), column


def test_the_day_is_said_not_to_be_proven(ended):
    _, owner = ended
    (day,) = owner.sql(
        "SELECT state, reason FROM coverage WHERE dataset = 'inverter_data_points'"
        f" AND request_date = '{DAY}'"
    )
    assert day == {"state": "unproven", "reason": "read locally, not proven"}
