"""EMS readings: three tables out of one answer, times that are null, who is asked."""

import json
from datetime import UTC, date, datetime

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.ems_readings import DATASET
from assets.framework.ingestion.availability import unavailable
from assets.framework.ingestion.fetch_result import Outcome
from tests.support.api_examples import example, needs_shared
from tests.support.simulated_home import FETCHED_AT, decode, leaves, rows_of

LISTS = (COMMUNICATION_DEVICES,)


def reading(**changes):
    return {
        "battery_power": -2500,
        "battery_wh_remaining": 18200,
        "calculated_load_power": 3100,
        "car_power": 0,
        "error_code": 0,
        "grid_power": 640,
        "measured_load_power": 3080,
        "status": 2,
        "time": "2025-01-05T08:00:00Z",
        "total_generation": 4200,
        "warning_code": 16,
        "inverters": [
            {
                "active_power": 1800,
                "number": 1,
                "serial_number": "SIM1111",
                "soc": 71,
                "status": 2,
                "temperature": 28.5,
            },
            {
                "active_power": None,
                "number": 2,
                "serial_number": None,
                "soc": None,
                "status": 0,
                "temperature": None,
            },
        ],
        "meters": [
            {"active_power": 640, "number": 1, "status": 1, "type": 0},
            {"active_power": None, "number": 2, "status": 0, "type": 3},
        ],
        **changes,
    }


def test_a_response_fills_three_tables():
    decoded = decode(DATASET, {"data": reading()}, device_id="EMS0001")
    of_all = {
        "ems_serial": "EMS0001",
        "time": datetime(2025, 1, 5, 8, tzinfo=UTC),
        "local_time": datetime(2025, 1, 5, 8),
        "local_date": date(2025, 1, 5),
        "time_is_fetched": False,
    }
    assert rows_of(decoded, "ems_readings") == [
        of_all
        | {
            "status": 2,
            "status_name": "WARNING",
            "battery_power_w": -2500.0,
            "battery_remaining_wh": 18200.0,
            "calculated_load_power_w": 3100.0,
            "measured_load_power_w": 3080.0,
            "car_power_w": 0.0,
            "grid_power_w": 640.0,
            "total_generation": 4200.0,
            "error_code": 0,
            "warning_code": 16,
            "extra_fields": None,
        }
    ]
    assert rows_of(decoded, "ems_inverter_readings") == [
        of_all
        | {
            "number": 1,
            "inverter_serial": "SIM1111",
            "status": 2,
            "status_name": "ONLINE",
            "active_power_w": 1800.0,
            "soc_percent": 71.0,
            "temperature_celsius": 28.5,
        },
        of_all
        | {
            "number": 2,
            "inverter_serial": None,
            "status": 0,
            "status_name": "DISABLED",
            "active_power_w": None,
            "soc_percent": None,
            "temperature_celsius": None,
        },
    ]
    meters = [
        (row["number"], row["type_name"], row["status_name"], row["active_power_w"])
        for row in rows_of(decoded, "ems_meter_readings")
    ]
    assert meters == [(1, "GRID", "ONLINE", 640.0), (2, "OTHER", "DISABLED", None)]
    assert decoded.rows_in == {1: 5}


@pytest.mark.parametrize("time", [None, "at noon"])
def test_a_reading_without_a_time_has_that_of_its_fetch(time):
    decoded = decode(DATASET, {"data": reading(time=time)})
    for table in ("ems_readings", "ems_inverter_readings", "ems_meter_readings"):
        for row in rows_of(decoded, table):
            assert (row["time"], row["time_is_fetched"]) == (FETCHED_AT, True)
    (row,) = rows_of(decoded, "ems_readings")
    assert row["extra_fields"] == (time and '{"time":"at noon"}')


def test_a_place_without_its_number_goes_to_quarantine_and_takes_no_other_with_it():
    places = reading()["inverters"]
    del places[0]["number"]
    decoded = decode(DATASET, {"data": reading(inverters=places)})
    assert [row["number"] for row in rows_of(decoded, "ems_inverter_readings")] == [2]
    assert len(rows_of(decoded, "ems_readings")) == 1
    (row,) = decoded.quarantine.to_pylist()
    assert (row["table"], row["column"]) == ("ems_inverter_readings", "number")


def test_a_response_of_nulls_is_no_reading_of_any_table():
    answer = dict.fromkeys(reading(), None) | {"status": 1, "time": "2025-01-05T08:00:00Z"}
    decoded = decode(DATASET, {"data": answer}, {"data": {"inverters": [{"number": 1}]}})
    assert all(table.num_rows == 0 for table in decoded.tables.values())
    assert [row["reason"] for row in decoded.quarantine.to_pylist()] == ["no_reading"] * 2


def test_odd_content_is_kept_and_counted():
    answer = reading(status=9, grid_power="640", pump={"power": 3}, meters=None)
    decoded = decode(DATASET, {"data": answer})
    (row,) = rows_of(decoded, "ems_readings")
    assert (row["status"], row["status_name"]) == (9, "unknown (9)")
    assert row["grid_power_w"] == 640.0
    assert json.loads(row["extra_fields"]) == {"pump": {"power": 3}}
    assert rows_of(decoded, "ems_meter_readings") == []
    assert {drift.kind for drift in decoded.drift} == {
        "unknown_code",
        "changed_type",
        "new_field",
    }


@needs_shared
def test_the_documents_example_lands_whole():
    answer = example("Get Latest EMS System Data")
    decoded = decode(DATASET, answer)
    assert decoded.quarantine.num_rows == 0
    tables = {table.name: rows_of(decoded, table.name) for table in DATASET.output_tables}
    landed = {}
    for table in DATASET.output_tables:
        for name, column in table.schema.columns.items():
            for number, row in enumerate(tables[table.name]):
                if source := column.source:
                    landed[source.replace("[]", f"[{number}]")] = row[name]
    sent = dict(leaves(answer["data"]))
    assert sent.pop("time") is None
    assert tables["ems_readings"][0]["time_is_fetched"] is True
    assert {path: landed[path] for path in sent} == sent
    assert [len(rows) for rows in tables.values()] == [1, 4, 8]


def test_a_listed_ems_is_polled_and_no_inverter_is(home):
    at_home = home(ems=1, inverters=3)
    sim = at_home.simulator
    (serial,) = sim.ems_serials
    report = at_home.refresh(DATASET, lists=LISTS)
    assert at_home.paths() == [f"/ems/{serial}/system-data/latest"]
    assert report.failures == []
    (truth,) = sim.truth_of("ems-system-data", serial)
    (row,) = at_home.rows("FROM ems_readings")
    assert (row["grid_power_w"], row["battery_remaining_wh"]) == (
        truth["grid_power"],
        truth["battery_wh_remaining"],
    )
    (counts,) = at_home.rows(
        "SELECT (SELECT count(*) FROM ems_inverter_readings) AS inverters,"
        " (SELECT count(*) FROM ems_meter_readings) AS meters"
    )
    assert counts == {"inverters": 4, "meters": 8}


@pytest.mark.slow
def test_each_inverter_of_a_small_account_is_tried_once_as_an_ems(home):
    at_home = home(inverters=3)
    report = at_home.refresh(DATASET, lists=LISTS)
    assert sorted(at_home.paths()) == sorted(
        f"/ems/{serial}/system-data/latest" for serial in at_home.simulator.serials
    )
    assert report.failures == []
    at_home.refresh_later(DATASET, lists=LISTS)
    assert len(at_home.paths()) == 3
    at_home.refresh(DATASET, lists=LISTS)
    assert at_home.paths() == []
    with at_home.session() as session:
        assert sorted(unavailable(session.lake)["ems_readings"]) == sorted(
            at_home.simulator.serials
        )


@pytest.mark.slow
def test_an_inverter_that_answers_as_an_ems_is_polled_from_then_on(home):
    at_home = home(inverters=3)
    sim = at_home.simulator
    first, second, third = sorted(sim.serials)
    sim.override(
        rf"/v1/ems/{second}/system-data/latest",
        status=200,
        body=json.dumps({"data": reading()}).encode(),
    )
    for expected in ([first, second, third], [second]):
        at_home.refresh(DATASET, lists=LISTS)
        assert sorted(at_home.paths()) == [f"/ems/{s}/system-data/latest" for s in expected]
    assert at_home.rows("SELECT DISTINCT ems_serial FROM ems_readings") == [{"ems_serial": second}]


@pytest.mark.slow
def test_an_ems_that_was_not_found_once_is_polled_all_the_same(home):
    at_home = home(ems=1)
    (serial,) = at_home.simulator.ems_serials
    at_home.refresh(DATASET, lists=LISTS)
    at_home.simulator.fail(rf"/v1/ems/{serial}/", status=404, times=1)
    for outcome in (Outcome.FAILED, Outcome.FETCHED):
        report = at_home.refresh(DATASET, lists=LISTS)
        assert [result.outcome for result in report.results] == [outcome]


@pytest.mark.slow
def test_a_large_account_without_an_ems_is_not_searched_for_one(home):
    at_home = home(inverters=11)
    at_home.refresh(DATASET, lists=LISTS)
    assert at_home.paths() == []
