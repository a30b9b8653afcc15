"""Reading an inverter on the home network: rows against a house of which everything is known."""

import json
from datetime import date, timedelta

import pytest

from assets.framework.decoding.decoder import DatasetDecoder
from assets.inverter_data_points import DATASET
from pipelines.open_folder import open_lake
from tests.support.local_polls import read_for, rows_of, utc
from tests.support.made_house import SERIAL, MadeHouse
from tests.support.modbus_inverter import ModbusInverter, serving
from tests.support.settings import settings_of
from warehouse.archive import Entry
from warehouse.connection import connect
from warehouse.lake import Lake
from warehouse.tables.build import build

HOUSE = MadeHouse()


@pytest.fixture
def inverter():
    with serving(ModbusInverter(HOUSE.registers)) as served:
        yield served


def test_a_row_of_each_poll_has_the_values_of_its_moment(new_data, inverter):
    start = utc("2025-06-01T00:00:30")
    told = read_for(new_data, inverter, start, timedelta(hours=24), every_s=1200)
    assert told == []
    rows = rows_of(new_data)
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


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2025-06-01", 24), ("2025-10-26", 25), ("2026-03-29", 23)],
    ids=["a usual day", "clocks go back", "clocks go forward"],
)
@pytest.mark.slow_but_first
def test_days_end_at_local_midnight(new_data, inverter, day, hours):
    """The counters of two days, over a night, also where clocks change in it."""
    first = date.fromisoformat(day)
    start = HOUSE.midnight(first) - timedelta(hours=1)
    read_for(new_data, inverter, start, timedelta(hours=hours + 2), every_s=900)
    rows = rows_of(new_data)
    assert len(rows) == 4 * (hours + 2)
    for row in rows:
        assert row["local_date"] == row["request_date"] == HOUSE.day_of(row["time"])
        check_energies(row, "today", HOUSE.today(row["time"]))
    energies = rows_of(new_data, table="daily_energy", order="local_date")
    assert [row["local_date"] for row in energies] == [
        first + timedelta(days=number) for number in (-1, 0, 1)
    ]
    whole = energies[1]
    true = HOUSE.today(HOUSE.midnight(first + timedelta(days=1)) - timedelta(minutes=15))
    assert whole["points"] == 4 * hours
    assert whole["source"] == "inverter_data_points"
    assert whole["is_complete"] is True
    assert whole["is_final"] is False
    for column in ("solar", "import", "export", "charge", "discharge"):
        assert whole[f"{column}_kwh"] == pytest.approx(true[column], abs=0.1 + 1e-6)


def test_days_of_polls_are_unproven(new_data, inverter):
    read_for(new_data, inverter, utc("2025-06-01T12:00:00"), timedelta(hours=1))
    day = timedelta(days=1)
    read_for(new_data, inverter, utc("2025-06-03T12:00:00"), timedelta(hours=1))
    states = rows_of(new_data, table="coverage", order="request_date")
    unproven = ("unproven", "read locally, not proven", True)
    assert [(each["request_date"], each["device_id"]) for each in states] == [
        (date(2025, 6, 1) + number * day, SERIAL) for number in range(3)
    ]
    assert [(each["state"], each["reason"], each["is_expected"]) for each in states] == [
        unproven,
        ("not_requested", "not requested", True),
        unproven,
    ]


def test_a_folder_without_the_cloud_knows_the_zone_of_its_days(new_data, inverter):
    data = new_data
    read_for(
        data,
        inverter,
        utc("2025-06-01T12:00:00"),
        timedelta(hours=1),
        GIVLAKE_TIMEZONE="Europe/Berlin",
    )
    (row,) = rows_of(data, table="inverter_days", order="local_date")
    assert (row["zone"], row["half_hours"]) == ("Europe/Berlin", 48)
    assert row["starts_at"] == utc("2025-05-31T22:00:00")
    (role,) = rows_of(data, table="device_roles", order="site")
    assert (role["inverter_serial"], role["role"]) == (SERIAL, "whole_site")
    (now,) = rows_of(data, table="site_now", order="time")
    assert now["time"] == utc("2025-06-01T12:55:00")


@pytest.mark.slow
@pytest.mark.parametrize("every_s", [60, 300])
def test_energies_of_half_hours_do_not_depend_on_the_interval(new_data, inverter, every_s):
    """Of a whole day, from its data points alone, and nothing is thought to be missing."""
    data, day = new_data, date(2025, 6, 1)
    start = HOUSE.midnight(day) - timedelta(minutes=10)
    read_for(data, inverter, start, timedelta(hours=24, minutes=20), every_s=every_s)
    half_hours = rows_of(data, table="half_hourly_balance", order="start_at")
    of_day = [row for row in half_hours if row["local_date"] == day]
    assert len(of_day) == 48
    # Where 2 kW begin between two points, the mean of both is not the truth; counters are of 0.1.
    within = 2 * every_s / 2 / 3600 + 0.01
    for row in of_day:
        end = row["start_at"] + timedelta(minutes=30)
        last = end - timedelta(seconds=1)  # midnight is the next day's
        for column, name in (
            ("solar", "solar"),
            ("import", "import"),
            ("export", "export"),
            ("charge", "charge"),
            ("discharge", "discharge"),
            ("home", "load"),
        ):
            true = HOUSE.today(last)[name] - HOUSE.today(row["start_at"])[name]
            assert row[f"{column}_kwh"] == pytest.approx(true, abs=1e-3 + within)
    assert rows_of(data, table="gaps", order="last_point_at") == []
    (whole,) = [
        row
        for row in rows_of(data, table="daily_energy", order="local_date")
        if row["points"] > 100
    ]
    assert whole["is_complete"] is True
    checks = rows_of(data, table="reconcile_counters_power", order="item")
    assert {row["is_within"] for row in checks if row["day"] == day} == {True}


@pytest.mark.parametrize("comes_first", ["the API", "the reader"])
def test_the_row_of_the_api_stands(new_data, inverter, comes_first):
    data, start = new_data, utc("2025-06-01T12:00:00")

    def read():
        read_for(data, inverter, start, timedelta(minutes=30), every_s=300)

    def fetch():
        with open_lake(settings_of({"GIVLAKE_DATA": str(data)})) as lake:
            point = {"time": "2025-06-01T12:10:00Z", "power": {"consumption": {"power": 351}}}
            lake.archive.append([entry_of_api([point])])
            build(lake, DatasetDecoder(DATASET))

    for step in (read, fetch) if comes_first == "the reader" else (fetch, read):
        step()
    by_time = {f"{row['time']:%H:%M}": row for row in rows_of(data)}
    assert list(by_time) == ["12:00", "12:05", "12:10", "12:15", "12:20", "12:25"]
    used = {time: row["consumption_power_w"] for time, row in by_time.items()}
    assert used == {**dict.fromkeys(by_time, 350.0), "12:10": 351.0}
    assert [time for time, row in by_time.items() if row["response_id"] > 0] == ["12:10"]


def entry_of_api(points):
    at = utc("2025-06-03T08:00:00")
    return Entry(
        dataset=DATASET.name,
        device_id=SERIAL,
        request_date=date(2025, 6, 1),
        request_zone="Europe/London",
        method="GET",
        path=f"/v1/inverter/{SERIAL}/data-points/2025-06-01",
        params="{}",
        status=200,
        outcome="ok",
        error_kind=None,
        message=None,
        requested_at=at,
        fetched_at=at,
        page=1,
        page_count=1,
        complete=True,
        rows=len(points),
        body=json.dumps({"data": points}).encode(),
        attempts=1,
        redaction_version=None,
    )


def test_a_batch_is_archived_with_its_registers_and_without_drift(new_data, inverter):
    data = new_data
    read_for(data, inverter, utc("2025-06-01T12:00:00"), timedelta(minutes=20), every_s=300)
    with Lake(data) as lake:
        (batch,) = lake.archive.read(DATASET.name)
        (response,) = batch.responses
        assert row_count(lake, "drift") == row_count(lake, "quarantine") == 0
    body = json.loads(response.body)
    assert list(body) == ["data", "registers"]
    assert [point["time"][11:16] for point in body["data"]] == ["12:00", "12:05", "12:10", "12:15"]
    words = body["registers"][0]["IR(0,60)"]
    expected = HOUSE.registers(utc("2025-06-01T12:00:00"))
    assert [int(words[4 * n : 4 * n + 4], 16) for n in range(60)] == [
        expected["IR", n] for n in range(60)
    ]


def row_count(lake, view):
    with connect(lake) as connection:
        return connection.execute(f"SELECT count(*) FROM {view}").fetchone()[0]
