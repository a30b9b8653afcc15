"""Data points: what becomes of an answer, leaf by leaf, and of content that is odd."""

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from assets.framework.decoding.decoder import DatasetDecoder
from assets.inverter_data_points import DATASET
from warehouse.archive import ArchivedResponse

SAMPLES = Path(os.environ.get("GIVLAKE_SHARED", Path(__file__).parents[3] / "shared")) / "samples"
FETCHED_AT = datetime(2025, 7, 1, 12, tzinfo=UTC)


def response(
    body: bytes,
    *,
    response_id: int = 1,
    fetch_id: int | None = None,
    page: int = 1,
    zone: str = "Europe/London",
    day: date = date(2025, 6, 3),
) -> ArchivedResponse:
    return ArchivedResponse(
        response_id=response_id,
        fetch_id=fetch_id or response_id,
        segment=1,
        dataset="inverter_data_points",
        device_id="SIM0001",
        request_date=day,
        request_zone=zone,
        path="/inverter/SIM0001/data-points/2025-06-03",
        params="{}",
        status=200,
        requested_at=FETCHED_AT,
        fetched_at=FETCHED_AT,
        page=page,
        page_count=1,
        complete=True,
        rows=None,
        redaction_version=None,
        account="",
        body=body,
    )


def point(time="2025-06-03T10:00:00Z", **changes):
    """Make a point; a change is named by its path with double underscores."""
    made = {
        "time": time,
        "status": "NORMAL",
        "power": {
            "solar": {
                "power": 100,
                "arrays": [{"array": 1, "voltage": 200.5, "current": 0.5, "power": 100}],
            },
            "grid": {"voltage": 240, "current": 1.5, "power": -50, "frequency": 50.01},
            "battery": {"percent": 50, "power": 300, "temperature": 20},
            "consumption": {"power": 450},
            "inverter": {
                "temperature": 30.5,
                "power": 400,
                "output_voltage": 240.1,
                "output_frequency": 50,
                "eps_power": 0,
            },
        },
        "today": _energy(1.5),
        "total": _energy(100),
        "is_metered": True,
    }
    for path, value in changes.items():
        *parents, leaf = path.split("__")
        target = made
        for parent in parents:
            target = target[parent]
        target[leaf] = value
    return made


def _energy(value):
    return {
        "solar": value,
        "grid": {"import": value, "export": value},
        "battery": {"charge": value, "discharge": value},
        "consumption": value,
        "ac_charge": value,
    }


def decode(*points, **options):
    body = json.dumps({"data": list(points)}).encode()
    return DatasetDecoder(DATASET).decode([response(body, **options)])


def rows_of(decoded):
    return decoded.tables["inverter_data_points"].to_pylist()


def leaves(value, path=""):
    """Walk the leaves of JSON, without any of the decoder's knowledge."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from leaves(child, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from leaves(child, f"{path}[{number}]")
    else:
        yield path, value


COLUMN_OF = {
    "status": "status",
    "is_metered": "is_metered",
    "power.solar.power": "solar_power_w",
    "power.grid.voltage": "grid_voltage_v",
    "power.grid.current": "grid_current_a",
    "power.grid.power": "grid_power_w",
    "power.grid.frequency": "grid_frequency_hz",
    "power.battery.percent": "battery_percent",
    "power.battery.power": "battery_power_w",
    "power.battery.temperature": "battery_temperature_celsius",
    "power.battery.voltage": "battery_voltage_v",
    "power.consumption.power": "consumption_power_w",
    "power.inverter.temperature": "inverter_temperature_celsius",
    "power.inverter.power": "inverter_power_w",
    "power.inverter.output_voltage": "inverter_output_voltage_v",
    "power.inverter.output_frequency": "inverter_output_frequency_hz",
    "power.inverter.eps_power": "inverter_eps_power_w",
    **{
        f"{period}.{leaf}": f"{period}_{leaf.replace('.', '_')}_kwh"
        for period in ("today", "total")
        for leaf in (
            "solar",
            "grid.import",
            "grid.export",
            "battery.charge",
            "battery.discharge",
            "consumption",
            "ac_charge",
        )
    },
}
ARRAY_FIELD_OF = {
    "array": "array",
    "voltage": "voltage_v",
    "current": "current_a",
    "power": "power_w",
}


def column_value(row, path):
    if path == "time":
        return row["time"].strftime("%Y-%m-%dT%H:%M:%SZ")
    if path.startswith("power.solar.arrays["):
        number, field = path.removeprefix("power.solar.arrays[").split("].")
        return row["pv_arrays"][int(number)][ARRAY_FIELD_OF[field]]
    return row[COLUMN_OF[path]]


@pytest.mark.parametrize(
    ("day", "rows", "duplicates"), [("2025-06-01", 1324, 2), ("2025-06-03", 578, 1)]
)
def test_recorded_days_are_decoded_leaf_by_leaf(day, rows, duplicates):
    file = SAMPLES / f"inverter_data_points_{day}.json"
    if not file.exists():
        pytest.skip("the recordings are not here")
    decoded = DatasetDecoder(DATASET).decode(
        [response(file.read_bytes(), day=date.fromisoformat(day))]
    )

    points = json.loads(file.read_bytes())["data"]
    last_of_time = {recorded["time"]: recorded for recorded in points}
    landed = rows_of(decoded)
    assert len(landed) == len(last_of_time) == rows
    assert decoded.quarantine.num_rows == duplicates
    assert set(decoded.quarantine["reason"].to_pylist()) == {"duplicate_key"}
    for row in landed:
        recorded = last_of_time[row["time"].strftime("%Y-%m-%dT%H:%M:%SZ")]
        for path, value in leaves(recorded):
            assert column_value(row, path) == value, path


def test_every_row_of_a_response_is_in_the_table_or_in_quarantine():
    decoded = decode(point(), point(), "text", point(time="soon"), point(time=None))
    assert decoded.rows_in == {1: 5}
    assert len(rows_of(decoded)) == 1
    assert decoded.quarantine.num_rows == 4


def test_the_later_of_two_rows_with_one_time_wins():
    decoded = decode(point(power__grid__power=1), point(power__grid__power=2))
    assert [row["grid_power_w"] for row in rows_of(decoded)] == [2.0]
    (kept_aside,) = decoded.quarantine.to_pylist()
    assert kept_aside["row_index"] == 0
    assert json.loads(kept_aside["raw"])["power"]["grid"]["power"] == 1


def test_a_later_row_that_only_loses_values_does_not_win():
    decoded = decode(point(power__grid__power=1), point(power__grid__power=None))
    assert [row["grid_power_w"] for row in rows_of(decoded)] == [1.0]


def test_an_invalid_later_row_does_not_win():
    decoded = decode(point(), point(power__grid__frequency=1e6))
    assert [row["grid_frequency_hz"] for row in rows_of(decoded)] == [50.01]
    assert decoded.quarantine["reason"].to_pylist() == ["duplicate_key"]


def test_repeated_times_on_two_pages_of_one_response_are_one_key():
    pages = [
        response(
            json.dumps({"data": [point(power__grid__power=number)]}).encode(),
            response_id=number,
            fetch_id=1,
            page=number,
        )
        for number in (1, 2)
    ]
    decoded = DatasetDecoder(DATASET).decode(pages)
    assert [row["grid_power_w"] for row in rows_of(decoded)] == [2.0]
    assert decoded.quarantine["response_id"].to_pylist() == [1]


@pytest.mark.parametrize(
    ("changes", "column", "expected"),
    [
        ({"power__battery": {}}, "battery_percent", None),
        ({"power__battery": None}, "battery_power_w", None),
        ({"power": None}, "grid_power_w", None),
        ({"power__solar__arrays": None}, "pv_arrays", None),
        ({"power__solar__arrays": []}, "pv_arrays", []),
        ({"power__battery__percent": None}, "battery_percent", None),
        ({"power__battery__voltage": 51.2}, "battery_voltage_v", 51.2),
        ({"power__grid__power": "12.5"}, "grid_power_w", 12.5),
        ({"power__grid__power": 0}, "grid_power_w", 0.0),
        ({"today__consumption": -0.1}, "today_consumption_kwh", -0.1),
        ({"status": "Normal"}, "status_name", "NORMAL"),
        ({"status": "Normal"}, "status", "Normal"),
        ({"status": "melting"}, "status_name", "unknown (melting)"),
        ({"status": None}, "status_name", None),
        ({"is_metered": None}, "is_metered", None),
        ({"firmware": {"a": 1}}, "extra_fields", '{"firmware":{"a":1}}'),
        ({"power__grid__phase": 3}, "extra_fields", '{"power.grid.phase":3}'),
    ],
)
def test_odd_content_lands(changes, column, expected):
    decoded = decode(point(**changes))
    assert [row[column] for row in rows_of(decoded)] == [expected]
    assert decoded.quarantine.num_rows == 0


@pytest.mark.parametrize(
    ("changes", "reason", "column", "value"),
    [
        ({"time": "soon"}, "not_decodable", "time", '"soon"'),
        ({"time": None}, "not_decodable", "time", "null"),
        ({"time": "2025-06-03T25:00:00Z"}, "not_decodable", "time", '"2025-06-03T25:00:00Z"'),
        ({"time": "2025-06-03T10:00:00"}, "not_decodable", "time", '"2025-06-03T10:00:00"'),
        # With a day less than the first, or an hour more than the last, every calendar ends.
        ({"time": "0001-01-01T00:00:00Z"}, "not_decodable", "time", '"0001-01-01T00:00:00Z"'),
        ({"time": "9999-12-31T23:59:59Z"}, "not_decodable", "time", '"9999-12-31T23:59:59Z"'),
        ({"time": 1735603200}, "not_decodable", "time", "1735603200"),
    ],
)
def test_a_row_without_a_readable_time_goes_to_quarantine(changes, reason, column, value):
    decoded = decode(point(**changes), point(time="2025-06-03T11:00:00Z"))
    assert len(rows_of(decoded)) == 1
    (row,) = decoded.quarantine.to_pylist()
    assert (row["reason"], row["column"], row["value"]) == (reason, column, value)
    assert row["row_index"] == 0
    assert json.loads(row["raw"]) == point(**changes)


@pytest.mark.parametrize(
    ("changes", "reason", "column", "value"),
    [
        ({"power__grid__power": "much"}, "not_decodable", "power.grid.power", '"much"'),
        ({"power__grid__power": True}, "not_decodable", "power.grid.power", "true"),
        ({"power__grid__power": "nan"}, "not_decodable", "power.grid.power", '"nan"'),
        ({"power__grid__power": [1]}, "not_decodable", "power.grid.power", "[1]"),
        ({"status": 5}, "not_decodable", "status", "5"),
        ({"power__battery__percent": 400}, "check_failed", "battery_percent", "400.0"),
        ({"power__grid__frequency": -1}, "check_failed", "grid_frequency_hz", "-1.0"),
        ({"power__grid__voltage": 1798}, "check_failed", "grid_voltage_v", "1798.0"),
        ({"total__solar": 429496729.5}, "check_failed", "total_solar_kwh", "429496729.5"),
        ({"today__solar": 6e6}, "check_failed", "today_solar_kwh", "6000000.0"),
    ],
)
def test_a_value_that_cannot_be_true_costs_its_row_no_other(changes, reason, column, value):
    decoded = decode(point(**changes))
    (row,) = rows_of(decoded)
    (expected,) = rows_of(decode(point(**dict.fromkeys(changes))))
    assert {**row, "extra_fields": None} == expected
    (entry,) = decoded.quarantine.to_pylist()
    assert (entry["reason"], entry["column"], entry["value"]) == (reason, column, value)
    assert (entry["row_index"], entry["is_row_kept"]) == (0, True)
    assert json.loads(entry["raw"]) == point(**changes)


def test_an_object_that_is_none_costs_its_row_no_other():
    decoded = decode(point(power__grid=5))
    (row,) = rows_of(decoded)
    assert (row["grid_power_w"], row["solar_power_w"]) == (None, 100.0)
    (entry,) = decoded.quarantine.to_pylist()
    assert (entry["column"], entry["value"], entry["is_row_kept"]) == ("power.grid", "5", True)


def test_a_wild_value_of_an_array_costs_the_list_no_other():
    arrays = [
        {"array": 1, "voltage": 6553.5, "current": 1, "power": 1},
        {"array": 2, "voltage": 200, "current": 2, "power": 2},
        {"array": 3, "voltage": 7000, "current": 3, "power": "x"},
    ]
    first, second, third = rows_of(
        decoded := decode(
            point(time="2025-06-03T09:00:00Z", power__solar__arrays=None),
            point(power__solar__arrays=arrays),
            point(time="2025-06-03T11:00:00Z"),
        )
    )
    assert (first["pv_arrays"], third["pv_arrays"][0]["voltage_v"]) == (None, 200.5)
    assert second["pv_arrays"] == [
        {"array": 1, "voltage_v": None, "current_a": 1.0, "power_w": 1.0},
        {"array": 2, "voltage_v": 200.0, "current_a": 2.0, "power_w": 2.0},
        {"array": 3, "voltage_v": None, "current_a": 3.0, "power_w": None},
    ]
    found = [(r["row_index"], r["column"], r["value"]) for r in decoded.quarantine.to_pylist()]
    assert found == [
        (1, "power.solar.arrays[].power", '"x"'),
        (1, "pv_arrays[].voltage_v", "6553.5"),
        (1, "pv_arrays[].voltage_v", "7000.0"),
    ]


@pytest.mark.parametrize(
    ("value", "example"),
    [
        (6532.6, "(65536 - x) / 10"),
        (65511, "65536 - x"),
        (655.1, "(65536 - x) / 100"),
        (429496727.5, "(4294967296 - x) / 10"),
        (7000, None),
    ],
)
def test_a_negative_number_read_as_unsigned_is_drift(value, example):
    decoded = decode(point(power__inverter__temperature=value))
    assert [row["inverter_temperature_celsius"] for row in rows_of(decoded)] == [None]
    expected = [] if example is None else [("unsigned_negative", "power.inverter.temperature")]
    assert [(drift.kind, drift.field) for drift in decoded.drift] == expected
    assert [drift.value for drift in decoded.drift] == [example] * len(expected)


@pytest.mark.parametrize(
    ("time", "is_kept"),
    [
        ("2025-06-01T00:00:00Z", True),
        ("2025-05-31T23:59:59Z", False),
        ("2025-06-06T00:00:00Z", True),
        ("2025-06-06T00:00:01Z", False),
        ("2000-01-01T00:00:05Z", False),
        ("2099-12-31T00:00:00Z", False),
    ],
)
def test_a_point_is_kept_up_to_two_days_from_the_requested_day(time, is_kept):
    decoded = decode(point(time=time), point())
    assert len(rows_of(decoded)) == 1 + is_kept
    entries = [(r["reason"], r["column"], r["value"]) for r in decoded.quarantine.to_pylist()]
    assert entries == [] if is_kept else [("time_not_requested", "time", time)]


def test_the_time_of_a_saved_response_is_not_compared():
    body = json.dumps({"data": [point(time="2019-01-01T00:00:00Z")]}).encode()
    decoded = DatasetDecoder(DATASET, any_time=True).decode([response(body)])
    assert len(rows_of(decoded)) == 1


def test_unknown_statuses_fields_and_types_are_counted():
    decoded = decode(
        point(status="melting"),
        point(time="2025-06-03T11:00:00Z", status="melting", firmware=1),
        point(time="2025-06-03T12:00:00Z", power__grid__power="1"),
    )
    found = {(drift.kind, drift.field, drift.value): drift.count for drift in decoded.drift}
    assert found == {
        ("unknown_code", "status", "melting"): 2,
        ("new_field", "firmware", "number"): 1,
        ("changed_type", "power.grid.power", "string"): 1,
    }


def test_a_body_that_is_not_utf_8_goes_to_quarantine():
    decoded = DatasetDecoder(DATASET).decode([response(b'{"data":[{"time":"\xff"}]}')])
    assert decoded.rows_in == {1: 1}
    assert decoded.quarantine["reason"].to_pylist() == ["not_decodable"]


@pytest.mark.parametrize(
    ("time", "local_time", "local_date"),
    [
        ("2024-03-31T00:59:00Z", datetime(2024, 3, 31, 0, 59), date(2024, 3, 31)),
        ("2024-03-31T01:00:00Z", datetime(2024, 3, 31, 2, 0), date(2024, 3, 31)),
        ("2024-03-31T23:30:00Z", datetime(2024, 4, 1, 0, 30), date(2024, 4, 1)),
        ("2024-10-27T00:30:00Z", datetime(2024, 10, 27, 1, 30), date(2024, 10, 27)),
        ("2024-10-27T01:30:00Z", datetime(2024, 10, 27, 1, 30), date(2024, 10, 27)),
        ("2024-10-26T23:30:00Z", datetime(2024, 10, 27, 0, 30), date(2024, 10, 27)),
    ],
)
def test_local_time_follows_the_zone_over_clock_changes(time, local_time, local_date):
    (row,) = rows_of(decode(point(time=time), day=local_date))
    assert (row["local_time"], row["local_date"]) == (local_time, local_date)


def test_times_with_offsets_and_fractions_are_read():
    decoded = decode(point(time="2025-06-03T11:00:00.5+01:00"))
    (row,) = rows_of(decoded)
    assert row["time"] == datetime(2025, 6, 3, 10, 0, 0, 500_000, tzinfo=UTC)
