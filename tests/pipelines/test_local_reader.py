"""Reading an inverter on the home network: rows against a house of which everything is known."""

from datetime import timedelta

import pytest

from tests.support.local_polls import read_for, utc
from tests.support.made_house import SERIAL, MadeHouse
from tests.support.modbus_inverter import ModbusInverter, serving
from warehouse.connection import connect
from warehouse.lake import Lake

HOUSE = MadeHouse()


@pytest.fixture
def inverter():
    with serving(ModbusInverter(HOUSE.registers)) as served:
        yield served


def rows_of(data, columns="*"):
    with Lake(data) as lake, connect(lake) as connection:
        found = connection.execute(f"SELECT {columns} FROM inverter_data_points ORDER BY time")
        names = [each[0] for each in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_a_row_of_each_poll_has_the_values_of_its_moment(tmp_path, inverter):
    start = utc("2025-06-01T00:00:30")
    told = read_for(tmp_path / "data", inverter, start, timedelta(hours=24), every_s=1200)
    assert told == []
    rows = rows_of(tmp_path / "data")
    assert [row["time"] for row in rows] == [
        start + timedelta(minutes=20 * number) for number in range(72)
    ]
    assert {row["request_date"].isoformat() for row in rows} == {"2025-06-01", "2025-06-02"}
    for row in rows:
        check_powers(row, HOUSE.powers(row["time"]))
        for period in ("today", "total"):
            check_energies(row, period, getattr(HOUSE, period)(row["time"]))
        assert row["inverter_serial"] == SERIAL
        assert row["status"] == "NORMAL"
        assert row["is_metered"] is None
        assert row["grid_voltage_v"] == 244.7
        assert row["grid_frequency_hz"] == 49.96
        assert row["battery_voltage_v"] == 52.15
        assert row["battery_temperature_celsius"] == -3.5
        assert row["inverter_temperature_celsius"] == 32.4
        assert row["inverter_output_voltage_v"] == 245.1
        assert row["inverter_output_frequency_hz"] == 50.04
        assert row["inverter_eps_power_w"] == 0


def check_powers(row, power):
    """Signs: the battery's positive discharges, the grid's positive exports."""
    assert row["solar_power_w"] == pytest.approx(power.solar, abs=1)
    assert sum(each["power_w"] for each in row["pv_arrays"]) == row["solar_power_w"]
    assert row["battery_power_w"] == power.battery
    assert row["grid_power_w"] == pytest.approx(power.grid, abs=1)
    assert row["consumption_power_w"] == power.load
    assert row["inverter_power_w"] == pytest.approx(power.inverter, abs=1)


def check_energies(row, period, true):
    """Counters have whole tenths; consumption is made of four of them."""
    for column, name in (
        ("solar", "solar"),
        ("grid_import", "import"),
        ("grid_export", "export"),
        ("battery_charge", "charge"),
        ("battery_discharge", "discharge"),
        ("ac_charge", "ac_charge"),
    ):
        assert 0 <= true[name] - row[f"{period}_{column}_kwh"] + 1e-6 < 0.1 + 1e-5, column
    assert row[f"{period}_consumption_kwh"] == pytest.approx(true["load"], abs=0.25)
