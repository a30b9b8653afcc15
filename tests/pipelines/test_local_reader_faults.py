"""Polls that fail: a gap and no row, nothing of an earlier poll, and one message per change."""

import random
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from pipelines.local_reader.inverter_address import InverterAddress
from pipelines.local_reader.poll_inverter import poll_inverter
from pipelines.local_reader.register_read import ReadFailedError
from pipelines.settings_file import SettingsError
from tests.support.local_polls import (
    IMPATIENT,
    QUICK,
    SetClock,
    read_for,
    reading,
    rows_of,
    utc,
)
from tests.support.made_house import SERIAL, MadeHouse
from tests.support.modbus_inverter import ModbusInverter, serving
from tests.support.ports import free_port

HOUSE = MadeHouse()
START = utc("2025-06-01T10:00:00")
MAIN, MORE, IDENTITY = ("IR", 0), ("IR", 180), ("HR", 0)


@pytest.fixture
def inverter():
    with serving(ModbusInverter(HOUSE.registers, lambda: START)) as served:
        yield served


def poll(inverter, timing=QUICK):
    return poll_at(InverterAddress("127.0.0.1", inverter.port), timing)


def poll_at(address, timing=QUICK):
    return poll_inverter(address, lambda: START, "Europe/London", timing)


FAULTS = {
    "silent": ({"silent": {MAIN}}, "there is no valid answer about IR(0,60)"),
    "no identity": ({"silent": {IDENTITY}}, "there is no valid answer about HR(0,60)"),
    "wrong checksum": ({"broken": {MAIN}}, "there is no valid answer about IR(0,60)"),
    "half an answer": ({"short": {MAIN}}, "there is no valid answer about IR(0,60)"),
    "error": ({"erring": {MAIN}}, "there is no valid answer about IR(0,60)"),
    "another device": ({"address": 0x32}, "there is no valid answer about HR(0,60)"),
    "hangs up": ({"hangs_up": True}, "it closed the connection"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_an_error_with_its_reason(inverter, name):
    attributes, reason = FAULTS[name]
    for attribute, value in attributes.items():
        setattr(inverter, attribute, value)
    with pytest.raises(ReadFailedError) as error:
        poll(inverter, IMPATIENT)
    assert str(error.value) == reason


def test_what_nobody_listens_at_cannot_be_reached():
    with pytest.raises(ReadFailedError) as error:
        poll_at(InverterAddress("127.0.0.1", free_port()))
    assert str(error.value) == "it cannot be reached (Connection refused)"


def test_a_name_that_cannot_be_one_is_no_row():
    with pytest.raises(ReadFailedError) as error:
        poll_at(InverterAddress("a..b"))
    assert str(error.value) == "a..b cannot be the name of a machine"


def test_no_words_of_registers_end_the_reader(inverter):
    """Each poll is a row or a failure that is named, whatever the registers hold."""
    chance = random.Random(7)
    usual = HOUSE.registers(START)
    times, reasons = [], []
    for _ in range(60):
        odd = {
            key: chance.choice((0, 1, 0x7FFF, 0x8000, 0xFFFF, chance.getrandbits(16)))
            for key in chance.sample(sorted(usual), 40)
        }
        inverter.registers = lambda at, odd=odd: {**usual, **odd}
        try:
            times.append(poll(inverter).point["time"])
        except ReadFailedError as error:
            reasons.append(str(error))
    assert len(times) > 10
    assert set(times) == {"2025-06-01T10:00:00Z"}
    assert reasons
    assert not [reason for reason in reasons if "cannot be decoded" in reason]


@pytest.mark.parametrize("garbage", [b"", b"\0" * 200, b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_an_answer_of_another_protocol_is_no_row(inverter, garbage):
    inverter.garbage = garbage
    with pytest.raises(ReadFailedError):
        poll(inverter, QUICK._replace(answer_s=0.3))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({("IR", number): 0 for number in range(60)}, "all registers of IR(0,60) are zero"),
        ({("IR", number): 0xFFFF for number in range(60)}, "all registers of IR(0,60) are 65535"),
        ({("HR", number): 0 for number in range(60)}, "all registers of HR(0,60) are zero"),
        ({("HR", number): 0 for number in range(13, 18)}, "it sends no valid serial number"),
        ({("HR", 0): 0xF001}, "the installed givenergy-modbus does not know its type code f001"),
        ({("HR", 0): 0x5001}, "it is a EMS, which has no readings of an inverter of its own"),
    ],
)
def test_registers_that_cannot_be_meant_are_no_row(inverter, changed, reason):
    inverter.registers = lambda at: {**HOUSE.registers(at), **changed}
    with pytest.raises(ReadFailedError) as error:
        poll(inverter)
    assert str(error.value) == reason


def test_a_block_that_is_not_answered_is_null_also_after_it_was(inverter):
    assert poll(inverter).point["today"]["battery"] == {"charge": 4.0, "discharge": 0.0}
    inverter.silent = {MORE}
    later = poll(inverter, IMPATIENT)
    assert later.point["today"]["battery"] == {"charge": None, "discharge": None}
    assert later.point["total"]["battery"] == {"charge": None, "discharge": None}
    assert sorted(later.registers) == ["HR(0,60)", "IR(0,60)"]


@pytest.mark.parametrize("value", [0, 0xFFFF])
def test_a_further_block_that_is_empty_is_null(inverter, value):
    empty = {("IR", number): value for number in range(180, 240)}
    inverter.registers = lambda at: {**HOUSE.registers(at), **empty}
    made = poll(inverter)
    assert made.point["today"]["battery"] == {"charge": None, "discharge": None}
    assert made.point["total"]["battery"] == {"charge": None, "discharge": None}
    assert made.point["today"]["solar"] is not None


def clock_registers(local):
    parts = (local.year - 2000, local.month, local.day, local.hour, local.minute, local.second)
    return {("HR", 35 + number): part for number, part in enumerate(parts)}


@pytest.mark.parametrize("ahead_s", [40, -40])
def test_counters_of_another_day_are_null_where_the_inverters_clock_is_off(
    new_data, inverter, ahead_s
):
    """Its counters begin again at its own midnight, which is not that of the rows."""
    midnight = HOUSE.midnight(date(2025, 6, 2))
    start = midnight - timedelta(hours=1, seconds=30)
    clock = SetClock(start, start + timedelta(hours=3))
    ahead = timedelta(seconds=ahead_s)

    def registers(at):
        local = (at + ahead).astimezone(ZoneInfo("Europe/London"))
        return {**HOUSE.registers(at + ahead), **clock_registers(local)}

    inverter.registers, inverter.clock = registers, clock.now
    with reading(new_data, [inverter], clock, every_s=60) as loop:
        loop.run()
    rows = rows_of(new_data)
    near = [row for row in rows if abs(row["time"] - midnight) < timedelta(minutes=1)]
    assert len(rows) == 180
    assert [row["today_grid_import_kwh"] is None for row in near] == [ahead_s > 0, ahead_s < 0]
    assert all(row["total_grid_import_kwh"] is not None for row in rows)
    (day,) = [
        row
        for row in rows_of(new_data, table="daily_energy", order="local_date")
        if row["local_date"] == date(2025, 6, 1)
    ]
    true = HOUSE.today(midnight - timedelta(seconds=90))
    assert day["import_kwh"] == pytest.approx(true["import"], abs=0.1)
    assert day["solar_kwh"] == pytest.approx(true["solar"], abs=0.1)


def test_clocks_that_cannot_both_be_right_are_told_once(new_data, inverter):
    told: list[str] = []
    clock = SetClock(START, START + timedelta(minutes=10))
    inverter.clock = clock.now
    inverter.registers = lambda at: {
        **HOUSE.registers(at),
        **clock_registers(at - timedelta(days=400)),
    }
    with reading(new_data, [inverter], clock, every_s=60, told=told) as loop:
        loop.run()
    assert len(rows_of(new_data)) == 10
    assert len(told) == 1
    assert "differ by more than a day" in told[0]


def test_a_machine_that_does_not_know_the_time_makes_no_rows(new_data, inverter):
    told: list[str] = []
    clock = SetClock(utc("1970-01-01T00:00:10"), utc("1970-01-01T01:00:00"))
    with reading(new_data, [inverter], clock, every_s=60, told=told) as loop:
        loop.run()
    assert rows_of(new_data) == []
    assert told == [f"{inverter.host} was not read: this machine's clock says 1970-01-01: set it."]


def test_lines_of_the_journal_that_cannot_be_read_are_kept(new_data, inverter):
    journal = new_data / "local" / "polls.jsonl"
    journal.parent.mkdir()
    journal.write_bytes(b"no poll\n")
    clock = SetClock(START, START + timedelta(minutes=10))
    with reading(new_data, [inverter], clock, every_s=60) as loop:
        loop.run()
    assert len(rows_of(new_data)) == 10
    assert journal.with_suffix(".damaged").read_bytes() == b"no poll\n"
    assert journal.read_bytes() == b""


def test_one_inverter_of_another_account_does_not_keep_the_others_from_being_read(
    new_data, inverter
):
    told: list[str] = []
    other = MadeHouse(serial="ZZ1111A009")
    with serving(ModbusInverter(other.registers, lambda: START)) as second:
        clock = SetClock(START, START + timedelta(minutes=10))
        inverter.clock = second.clock = clock.now
        both = [second, inverter]
        with reading(new_data, both, clock, every_s=60, known=[SERIAL], told=told) as loop:
            loop.run()
    assert {row["inverter_serial"] for row in rows_of(new_data)} == {SERIAL}
    assert told == [
        f"{second.host} was not read: it is ZZ1111A009, which is not one of the account of this"
        f" data folder ({SERIAL})."
    ]


def test_an_answer_that_comes_after_its_poll_is_not_the_next_ones(inverter):
    """The answer to the first poll is under way while the second one is made."""
    moment = [START]
    inverter.clock = lambda: moment[0]
    inverter.late_s = 1.0
    with pytest.raises(ReadFailedError):
        poll(inverter, QUICK._replace(answer_s=0.2))
    inverter.late_s, moment[0] = 0.0, START + timedelta(hours=5)
    expected = HOUSE.powers(moment[0])
    assert poll(inverter).point["power"]["consumption"]["power"] == round(expected.load)


def test_a_value_out_of_bounds_is_null_and_kept_as_it_came(inverter):
    inverter.registers = lambda at: {
        **HOUSE.registers(at),
        ("IR", 56): 0x7FFF,  # 3276.7 degrees
        ("IR", 59): 255,  # percent
        ("IR", 0): 9,  # no known status
    }
    made = poll(inverter)
    assert made.point["power"]["battery"]["temperature"] is None
    assert made.point["power"]["battery"]["percent"] is None
    assert made.point["status"] is None
    words = made.registers["IR(0,60)"]
    assert [words[4 * number : 4 * number + 4] for number in (0, 56, 59)] == [
        "0009",
        "7fff",
        "00ff",
    ]


def test_registers_are_kept_without_the_digits_of_serial_numbers(inverter):
    kept = bytes.fromhex(poll(inverter).registers["HR(0,60)"])
    assert SERIAL.encode() not in kept
    assert b"ZZ1111A000" in kept


def test_an_outage_is_a_gap_and_is_told_once(new_data, inverter):
    told: list[str] = []
    clock = SetClock(START, START + timedelta(minutes=60))
    inverter.clock = clock.now

    def outage(at):
        inverter.hangs_up = timedelta(minutes=20) <= at - START < timedelta(minutes=40)

    clock.at_each_wait = outage
    with reading(new_data, [inverter], clock, every_s=30, told=told) as loop:
        loop.run()
    minutes = {(row["time"] - START).total_seconds() / 60 for row in rows_of(new_data)}
    assert {number / 2 for number in range(40)} <= minutes
    assert not [minute for minute in minutes if 20 <= minute < 40]
    # Tries are at most a minute apart.
    assert len([minute for minute in minutes if minute >= 41]) == 38
    assert len(told) == 2
    assert told[0] == f"{inverter.host} was not read: it closed the connection."
    assert told[1].startswith(f"{inverter.host} is read again; failed attempts: ")


def test_another_inverter_at_the_address_is_a_gap(new_data, inverter):
    told: list[str] = []
    clock = SetClock(START, START + timedelta(minutes=30))
    other = MadeHouse(serial="ZZ1111A009")

    def swap(at):
        is_other = timedelta(minutes=10) <= at - START < timedelta(minutes=20)
        inverter.registers = (other if is_other else HOUSE).registers

    clock.at_each_wait = swap
    inverter.clock = clock.now
    with reading(new_data, [inverter], clock, every_s=60, told=told) as loop:
        loop.run()
    rows = rows_of(new_data)
    assert {row["inverter_serial"] for row in rows} == {SERIAL}
    assert not [row for row in rows if 10 <= (row["time"] - START).total_seconds() / 60 < 20]
    assert told[0] == (
        f"{inverter.host} was not read: another inverter, ZZ1111A009, answers in place of {SERIAL}."
    )


def test_an_inverter_of_another_account_is_refused(new_data, inverter):
    clock = SetClock(START, START + timedelta(minutes=30))
    with (
        reading(new_data, [inverter], clock, known=["ZZ3333C003"]) as loop,
        pytest.raises(SettingsError) as error,
    ):
        loop.run()
    assert str(error.value) == (
        f"The inverter at {inverter.host} is {SERIAL}, which is not one of the account of this"
        " data folder (ZZ3333C003): correct GIVLAKE_LOCAL_INVERTER, or use another data folder."
    )
    assert rows_of(new_data) == []


def test_two_inverters_are_read_by_turns(new_data, inverter):
    other = MadeHouse(serial="ZZ1111A009")
    with serving(ModbusInverter(other.registers, lambda: START)) as second:
        clock = SetClock(START, START + timedelta(minutes=10))
        inverter.clock = second.clock = clock.now
        second.erring = {MORE}
        with reading(new_data, [inverter, second], clock, every_s=60) as loop:
            loop.run()
    rows = rows_of(new_data)
    assert len(rows) == 20
    first = [row for row in rows if row["inverter_serial"] == SERIAL]
    assert len(first) == 10
    assert {row["today_battery_charge_kwh"] is None for row in first} == {False}
    assert {row["today_battery_charge_kwh"] for row in rows if row not in first} == {None}


def test_a_beat_that_took_longer_is_left_out(new_data, inverter):
    """The times stay multiples of the interval."""
    clock = SetClock(START, START + timedelta(minutes=5))
    inverter.clock = clock.now
    slow = [True]

    def registers(at):
        if slow[0] and at >= START + timedelta(seconds=60):
            slow[0] = False
            clock.pass_time(25)
        return HOUSE.registers(at)

    inverter.registers = registers
    with reading(new_data, [inverter], clock, every_s=10) as loop:
        loop.run()
    seconds = [(row["time"] - START).total_seconds() for row in rows_of(new_data)]
    assert seconds[:10] == [0, 10, 20, 30, 40, 50, 85, 90, 100, 110]
    assert seconds[-1] == 290


def test_a_folder_that_was_read_is_read_on(new_data, inverter):
    hour = timedelta(hours=1)
    read_for(new_data, inverter, START, hour, every_s=300)
    read_for(new_data, inverter, START + hour, hour, every_s=300)
    assert len(rows_of(new_data)) == 24
