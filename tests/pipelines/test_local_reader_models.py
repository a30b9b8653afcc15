"""Registers of other models than a hybrid of the first generation, encoded by hand, by address."""

from datetime import UTC, datetime

import pytest

from pipelines.local_reader.inverter_address import InverterAddress
from pipelines.local_reader.poll_inverter import poll_inverter
from tests.support.local_polls import QUICK
from tests.support.made_house import MadeHouse
from tests.support.modbus_inverter import ModbusInverter, serving

AT = datetime(2025, 6, 1, 12, tzinfo=UTC)
HOUSE = MadeHouse()


def point_of(registers):
    with serving(ModbusInverter(lambda at: registers, lambda: AT)) as inverter:
        address = InverterAddress("127.0.0.1", inverter.port)
        poll = poll_inverter(address, lambda: AT, "Europe/London", QUICK)
    return poll, inverter.requests


def held(type_code, firmware=612):
    registers = {key: value for key, value in HOUSE.registers(AT).items() if key[0] == "HR"}
    return {**registers, ("HR", 0): type_code, ("HR", 21): firmware}


def blocks(*ranges, **values):
    registers = {("IR", number): 0 for first, end in ranges for number in range(first, end)}
    return {**registers, **{("IR", int(name[1:])): value for name, value in values.items()}}


@pytest.mark.parametrize(
    ("type_code", "firmware", "today"),
    [
        (0x2001, 449, {"charge": 4.0, "discharge": 0.0}),  # hybrid, generation 1: IR(182), IR(183)
        (0x2001, 920, {"charge": 0.1, "discharge": 0.2}),  # generation 2: IR(36), IR(37)
        (0x2001, 312, {"charge": None, "discharge": None}),  # generation 3: the library has none
    ],
)
def test_battery_energies_are_where_the_library_knows_them(type_code, firmware, today):
    registers = {**HOUSE.registers(AT), **held(type_code, firmware)}
    registers |= {("IR", 182): 0, ("IR", 183): 40}
    poll, _ = point_of(registers)
    assert poll.point["today"]["battery"] == today


@pytest.mark.parametrize("type_code", [0x3001, 0x8001])
def test_an_ac_coupled_inverter_has_no_strings_and_no_consumption_counter(type_code):
    """IR(44) is what the battery gave there, and the voltages of strings those of the grid."""
    poll, _ = point_of({**HOUSE.registers(AT), **held(type_code)})
    arrays = poll.point["power"]["solar"]["arrays"]
    assert [(each["voltage"], each["current"]) for each in arrays] == [(None, None)] * 2
    assert poll.point["power"]["solar"]["power"] == sum(each["power"] for each in arrays) > 0
    assert poll.point["today"]["consumption"] is None
    assert poll.point["total"]["consumption"] is None
    assert poll.point["today"]["solar"] > 0


def test_a_three_phase_inverter():
    registers = held(0x4001) | blocks(
        (1000, 1060),
        (1060, 1120),
        (1120, 1180),
        (1180, 1240),
        (1360, 1414),
        _1001=6012,
        _1002=5987,
        _1009=31,
        _1010=29,
        _1018=18630,  # 1,863.0 W
        _1019=1,
        _1020=0,  # 65,536 tenths
        _1061=2391,
        _1064=112,
        _1067=5003,
        _1069=0xFFFF,
        _1070=0xFFFF - 20000 + 1,  # -2,000.0 W
        _1076=3,
        _1079=0,
        _1080=5230,
        _1082=0,
        _1090=41230,
        _1094=2402,
        _1128=412,
        _1131=3120,
        _1132=77,
        _1137=12500,
        _1139=0,
        _1188=100,
        _1190=200,
        _1192=300,
        _1377=7,
        _1379=1007,
        _1381=21,
        _1383=1021,
        _1385=35,
        _1387=1035,
        _1389=42,
        _1391=1042,
        _1393=56,
        _1395=1056,
        _1397=63,
        _1399=1063,
        _1375=2000,
        _1413=111,
    )
    poll, requests = point_of(registers)
    assert requests == [
        ("HR", 0, 60),
        ("IR", 1000, 60),
        ("IR", 1060, 60),
        ("IR", 1120, 60),
        ("IR", 1360, 54),
        ("IR", 1180, 60),
    ]
    assert not poll.has_utc_days
    assert poll.point == {
        "time": "2025-06-01T12:00:00Z",
        "status": "ERROR",
        "power": {
            "solar": {
                "power": 8416.6,
                "arrays": [
                    {"array": 1, "voltage": 601.2, "current": 3.1, "power": 1863.0},
                    {"array": 2, "voltage": 598.7, "current": 2.9, "power": 6553.6},
                ],
            },
            "grid": {"voltage": 239.1, "current": 11.2, "power": -523.0, "frequency": 50.03},
            "battery": {"percent": 77, "power": 1250.0, "voltage": 312.0},
            "consumption": {"power": 4123.0},
            "inverter": {
                "temperature": 41.2,
                "power": -2000.0,
                "output_voltage": 240.2,
                "eps_power": 60.0,
            },
        },
        "today": {
            "solar": 11.1,
            "grid": {"import": 2.1, "export": 3.5},
            "battery": {"charge": 5.6, "discharge": 4.2},
            "consumption": 6.3,
            "ac_charge": 0.7,
        },
        "total": {
            "solar": 200.0,
            "grid": {"import": 102.1, "export": 103.5},
            "battery": {"charge": 105.6, "discharge": 104.2},
            "consumption": 106.3,
            "ac_charge": 100.7,
        },
    }


def test_a_gateway_has_days_of_utc_and_hides_the_serials_behind_it():
    serial = [0x5A5A, 0x3131, 0x3131, 0x4130, 0x3037]  # ZZ1111A007
    registers = held(0x7001) | blocks(
        (1600, 1660),
        (1660, 1720),
        (1780, 1840),
        _1604=2,
        _1608=2401,
        _1609=0xFFFF - 50 + 1,  # -5.0 A
        _1616=1234,
        _1617=2500,
        _1618=800,
        _1640=11,
        _1642=1110,
        _1643=22,
        _1645=2220,
        _1646=33,
        _1648=3330,
        _1655=66,
        _1657=6660,
        _1702=0xFFFF - 700 + 1,  # the Gateway's sign: it discharges with 700 W
        _1795=44,
        _1797=4440,
        _1798=55,
        _1800=5550,
        **{f"_{1627 + number}": word for number, word in enumerate(serial)},
    )
    poll, _ = point_of(registers)
    assert poll.has_utc_days
    assert poll.point == {
        "time": "2025-06-01T12:00:00Z",
        "status": "ON_GRID",
        "power": {
            "solar": {"power": 2500},
            "grid": {"voltage": 240.1, "current": -5.0},
            "battery": {"power": 700},
            "consumption": {"power": 800},
        },
        "today": {
            "solar": 2.2,
            "grid": {"import": 1.1, "export": 3.3},
            "battery": {"charge": 4.4, "discharge": 5.5},
            "consumption": 6.6,
            "ac_charge": None,
        },
        "total": {
            "solar": 222.0,
            "grid": {"import": 111.0, "export": 333.0},
            "battery": {"charge": 444.0, "discharge": 555.0},
            "consumption": 666.0,
            "ac_charge": None,
        },
    }
    assert "5a5a3131313141303037" not in poll.registers["IR(1600,60)"]
    assert "5a5a3131313141303030" in poll.registers["IR(1600,60)"]
