"""Energy flows by half hours: labels, clock changes, odd content, and days over the simulator."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.energy_flows import DATASET
from assets.framework.contract.devices import DeviceKind
from tests.support.api_examples import example, needs_shared, recorded
from tests.support.simulated_home import decode, ingest_days, leaves, rows_of

KWH = [
    "pv_to_home_kwh",
    "pv_to_battery_kwh",
    "pv_to_grid_kwh",
    "grid_to_home_kwh",
    "grid_to_battery_kwh",
    "battery_to_home_kwh",
    "battery_to_grid_kwh",
]


def half_hour(start, end, **kwh):
    return {"start_time": start, "end_time": end, "data": {k[1:]: v for k, v in kwh.items()}}


def table(*rows):
    return rows_of(decode(DATASET, {"data": list(rows)}), "energy_flows")


def test_a_row_has_labels_moments_and_a_column_for_each_type():
    values = dict(zip([f"t{code}" for code in range(7)], range(1, 8), strict=True))
    assert table(half_hour("2024-07-03 00:00", "2024-07-03 00:30", **values)) == [
        {
            "inverter_serial": "SIM0001",
            "start_at": datetime(2024, 7, 2, 23, tzinfo=UTC),
            "end_at": datetime(2024, 7, 2, 23, 30, tzinfo=UTC),
            "start_local": datetime(2024, 7, 3),
            "end_local": datetime(2024, 7, 3, 0, 30),
            "fold": 0,
            "is_ambiguous": False,
            "local_date": date(2024, 7, 3),
            "request_date": date(2024, 7, 3),
            "pv_to_home_kwh": 1.0,
            "pv_to_battery_kwh": 2.0,
            "pv_to_grid_kwh": 3.0,
            "grid_to_home_kwh": 4.0,
            "grid_to_battery_kwh": 5.0,
            "battery_to_home_kwh": 6.0,
            "battery_to_grid_kwh": 7.0,
            "extra_fields": None,
        }
    ]


@pytest.mark.parametrize("empty", [{"data": {}}, {"data": []}])
def test_a_response_without_half_hours_has_no_rows(empty):
    decoded = decode(DATASET, empty)
    assert decoded.rows_in == {1: 0}
    assert decoded.tables["energy_flows"].num_rows == 0


def test_rows_keyed_by_number_are_those_of_a_list_in_whatever_order_the_keys_come():
    day = [half_hour(f"2024-07-03 {h:02}:00", f"2024-07-03 {h:02}:30", t0=h) for h in range(12)]
    keyed = {str(position): row for position, row in enumerate(day)}
    unsorted = {key: keyed[key] for key in sorted(keyed)}
    assert list(unsorted)[:4] == ["0", "1", "10", "11"]
    expected = table(*day)
    assert len(expected) == 12
    for data in (keyed, unsorted):
        assert rows_of(decode(DATASET, {"data": data}), "energy_flows") == expected


def test_floats_stay_as_sent_and_what_was_not_sent_is_null_and_not_zero():
    (row,) = table(
        half_hour(
            "2024-07-03 00:00", "2024-07-03 00:30", t0=0.3999999999996362, t3=9e-14, t5=0, t6=None
        )
    )
    values = [row[name] for name in KWH]
    assert values == [0.3999999999996362, None, None, 9e-14, None, 0.0, None]


def test_numeric_text_and_unknown_types_are_kept_and_counted():
    decoded = decode(
        DATASET,
        {"data": [half_hour("2024-07-03 00:00", "2024-07-03 00:30", t0="1.25", t7=0.5)]},
    )
    (row,) = rows_of(decoded, "energy_flows")
    assert row["pv_to_home_kwh"] == 1.25
    assert json.loads(row["extra_fields"]) == {"data.7": 0.5}
    seen = {(drift.kind, drift.field, drift.value, drift.count) for drift in decoded.drift}
    assert seen == {
        ("changed_type", "data.0", "string", 1),
        ("new_field", "data.7", "number", 1),
    }


@pytest.mark.parametrize(
    ("change", "reason", "column"),
    [
        ({"start_time": None}, "not_decodable", "start_time"),
        ({"start_time": 20240703}, "not_decodable", "start_time"),
        ({"start_time": "2024-07-32 00:00"}, "not_decodable", "start_time"),
        ({"start_time": "2024-07-03T00:00:00Z"}, "not_decodable", "start_time"),
        ({"end_time": None}, "not_decodable", "end_time"),
        ({"end_time": "later"}, "not_decodable", "end_time"),
        ({"end_time": "2024-07-03 00:00"}, "not_decodable", "end_time"),
        (
            {"start_time": "2024-03-31 01:30", "end_time": "2024-03-31 02:00"},
            "nonexistent_local_time",
            "start_time",
        ),
    ],
)
def test_rows_that_cannot_stand_are_quarantined_one_by_one(change, reason, column):
    good = half_hour("2024-07-03 00:30", "2024-07-03 01:00", t0=1)
    bad = {**half_hour("2024-07-03 00:00", "2024-07-03 00:30", t0=2), **change}
    decoded = decode(DATASET, {"data": {"0": bad, "1": good}})
    (aside,) = decoded.quarantine.to_pylist()
    assert (aside["reason"], aside["column"], aside["row_index"]) == (reason, column, 0)
    assert json.loads(aside["raw"]) == bad
    (row,) = rows_of(decoded, "energy_flows")
    assert row["pv_to_home_kwh"] == 1.0


@pytest.mark.parametrize(
    ("value", "reason", "column"),
    [
        ("much", "not_decodable", "data.0"),
        (1e7, "check_failed", "pv_to_home_kwh"),
        (-5, "check_failed", "pv_to_home_kwh"),
    ],
)
def test_an_energy_that_cannot_be_true_costs_its_half_hour_no_other(value, reason, column):
    bad = half_hour("2024-07-03 00:00", "2024-07-03 00:30", t0=value, t3=0.5)
    decoded = decode(DATASET, {"data": {"0": bad}})
    (row,) = rows_of(decoded, "energy_flows")
    assert (row["pv_to_home_kwh"], row["grid_to_home_kwh"]) == (None, 0.5)
    (aside,) = decoded.quarantine.to_pylist()
    assert (aside["reason"], aside["column"], aside["is_row_kept"]) == (reason, column, True)
    assert json.loads(aside["raw"]) == bad


def test_half_hours_without_a_value_stand_with_nulls():
    for nothing in ({}, [], None):
        (row,) = table({**half_hour("2024-07-03 00:00", "2024-07-03 00:30"), "data": nothing})
        assert [row[name] for name in KWH] == [None] * 7


def test_a_slot_of_another_length_ends_where_its_label_says():
    long, over_midnight = table(
        half_hour("2024-07-03 10:00", "2024-07-03 11:30", t0=1),
        half_hour("2024-07-03 23:30", "2024-07-04 00:00", t0=1),
    )
    assert long["end_at"] - long["start_at"] == timedelta(minutes=90)
    assert over_midnight["end_at"] == datetime(2024, 7, 3, 23, tzinfo=UTC)
    assert over_midnight["local_date"] == date(2024, 7, 3)


def autumn(*labels):
    """Half hours whose ends are counted on from their labels, whatever the clock shows then."""
    rows = []
    for number, label in enumerate(labels):
        end = datetime.fromisoformat(f"2023-10-29 {label}") + timedelta(minutes=30)
        rows.append(half_hour(f"2023-10-29 {label}", f"{end:%Y-%m-%d %H:%M}", t0=number))
    return [
        (row["start_at"].strftime("%H:%M"), row["end_at"].strftime("%H:%M"), row["fold"])
        + ((row["is_ambiguous"],) if row["is_ambiguous"] else ())
        for row in table(*rows)
    ]


def test_ends_counted_on_from_a_repeated_label_make_no_longer_slot():
    assert autumn("01:00", "01:30", "01:00", "01:30", "02:00") == [
        ("00:00", "00:30", 0),
        ("00:30", "01:00", 0),
        ("01:00", "01:30", 1),
        ("01:30", "02:00", 1),
        ("02:00", "02:30", 0),
    ]


def test_labels_come_in_pairs_too():
    assert autumn("01:00", "01:00", "01:30", "01:30")[:2] == [
        ("00:00", "00:30", 0),
        ("01:00", "01:30", 1),
    ]


def test_a_lone_label_of_the_repeated_hour_is_the_earlier_and_marked():
    assert autumn("00:30", "01:00", "02:00") == [
        ("23:30", "00:00", 0),
        ("00:00", "00:30", 0, True),
        ("02:00", "02:30", 0),
    ]


def test_an_end_that_the_clock_leaves_out_is_the_moment_at_which_it_jumps():
    (row,) = table(half_hour("2024-03-31 00:30", "2024-03-31 01:00", t0=1))
    assert row["end_at"] == datetime(2024, 3, 31, 1, tzinfo=UTC)
    assert row["end_local"] == datetime(2024, 3, 31, 1)


def test_a_half_hour_that_comes_twice_stands_once():
    first = half_hour("2024-07-03 00:00", "2024-07-03 00:30", t0=1)
    second = half_hour("2024-07-03 00:00", "2024-07-03 00:30", t0=2)
    decoded = decode(DATASET, {"data": [first, second]})
    assert [row["pv_to_home_kwh"] for row in rows_of(decoded, "energy_flows")] == [2.0]
    assert decoded.quarantine["reason"].to_pylist() == ["duplicate_key"]


def test_rows_are_counted_by_the_day_of_their_start_within_the_range():
    def count(data, first=3, last=4):
        body = json.dumps({"data": data}).encode()
        return DATASET.rows_by_day([body], date(2024, 7, first), date(2024, 7, last), "UTC")

    rows = [
        half_hour("2024-07-03 23:30", "2024-07-04 00:00"),
        half_hour("2024-07-04 00:00", "2024-07-04 00:30"),
        half_hour("2024-07-04 00:30", "2024-07-04 01:00"),
        half_hour("2024-07-05 00:00", "2024-07-05 00:30"),
    ]
    assert count(rows) == [1, 2]
    assert count(dict(enumerate(rows)), last=6) == [1, 2, 1, 0]
    assert count([]) == count({}) == [0, 0]
    # What cannot be read must not make its day an empty one.
    assert count([{"start_time": "03/07/2024 00:00"}, {"start_time": None}, {}, 1]) == [4, 0]


def simulated(sim, serial, first, last):
    """Give what half hours must become, by start: the simulator's rows in order of time."""
    rows = sim.truth_of(
        "energy-flows",
        serial,
        start_time=f"{first} 00:00",
        end_time=f"{last} 23:30",
        grouping=0,
    )
    offset = timedelta(hours=1 if first.month in (6, 7, 10) else 0)
    moment = datetime(first.year, first.month, first.day, tzinfo=UTC) - offset
    expected = {}
    for number, row in enumerate(rows):
        start = moment + number * timedelta(minutes=30)
        expected[start] = (
            row["start_time"],
            row["end_time"],
            [float(row["data"][str(code)]) for code in range(7)],
        )
    return expected


def stored(home, serial):
    found = {}
    for row in home.rows(f"FROM energy_flows WHERE inverter_serial = '{serial}'"):
        assert row["end_at"] - row["start_at"] == timedelta(minutes=30)
        assert row["request_date"] == row["local_date"] == row["start_local"].date()
        assert not row["is_ambiguous"]
        assert row["start_at"] not in found
        found[row["start_at"]] = (
            f"{row['start_local']:%Y-%m-%d %H:%M}",
            f"{row['end_local']:%Y-%m-%d %H:%M}",
            [row[name] for name in KWH],
        )
    return found


def fetch(home, first, last, **how):
    devices = home.devices(COMMUNICATION_DEVICES)[DeviceKind.INVERTER]
    home.simulator.clear_requests()
    with home.session() as session:
        report = ingest_days(session, DATASET, devices, first, last, **how)
    assert not report.failures
    return report


CLOCK = {"clock": datetime(2024, 7, 10, 12, tzinfo=UTC), "flow_gap_rate": 0.0}


@pytest.mark.slow_but_first
@pytest.mark.parametrize(
    ("day", "slots", "settings"),
    [
        (date(2024, 3, 31), 46, {}),
        (date(2023, 10, 29), 50, {}),
        (date(2023, 10, 29), 50, {"flows_as": "array"}),
        (date(2024, 6, 5), 48, {"anomalies": {"flow_keys_unsorted": 1}}),
    ],
)
def test_days_are_fetched_in_one_request_and_equal_the_truth(home, day, slots, settings):
    owner = home(commissioned=date(2023, 1, 1), **CLOCK, **settings)
    first, last = day - timedelta(days=1), day + timedelta(days=1)
    fetch(owner, first, last)
    assert len(owner.paths()) == 2  # one for each inverter
    for serial in owner.simulator.serials:
        expected = simulated(owner.simulator, serial, first, last)
        found = stored(owner, serial)
        assert len(found) == len(expected) + 1  # the half hour that begins at the end
        assert {start: found[start] for start in expected} == expected
    days = owner.rows(
        "SELECT DISTINCT request_date, rows, state FROM coverage"
        f" WHERE dataset = 'energy_flows' AND request_date BETWEEN '{first}' AND '{last}'"
        " ORDER BY 1"
    )
    assert [(row["rows"], row["state"]) for row in days] == [
        (48, "complete"),
        (slots, "complete"),
        (48, "complete"),
    ]
    fetch(owner, first, last)
    assert owner.paths() == []


@pytest.mark.slow
def test_revised_half_hours_take_the_place_of_those_before(home):
    owner = home(
        inverters=1,
        commissioned=date(2024, 6, 1),
        clock=datetime(2024, 7, 10, tzinfo=UTC),
        flow_gap_rate=0.0,
    )
    serial, day = owner.simulator.serials[0], date(2024, 7, 9)
    fetch(owner, day, day)
    early = stored(owner, serial)
    owner.simulator.set_clock(datetime(2024, 7, 12, tzinfo=UTC))
    fetch(owner, day, day, refetch=True)
    final = stored(owner, serial)
    expected = simulated(owner.simulator, serial, day, day)
    assert {start: final[start] for start in expected} == expected
    assert len(early) < len(final)  # the newest hour was missing
    assert sum(early[start] != final[start] for start in early) > 2


@pytest.mark.slow
def test_a_range_that_is_refused_is_halved_and_days_without_flows_are_empty(home):
    owner = home(
        inverters=1,
        commissioned=date(2024, 6, 1),
        flows_max_days=4,
        **(CLOCK | {"empty_day_rate": 0.3}),
    )
    serial, first, last = owner.simulator.serials[0], date(2024, 6, 5), date(2024, 6, 16)
    fetch(owner, first, last)
    offline = [
        day
        for day in (first + timedelta(days=number) for number in range(12))
        if not owner.simulator.truth_of(
            "energy-flows", serial, start_time=f"{day}", end_time=f"{day} 23:30", grouping=0
        )
    ]
    assert 1 <= len(offline) <= 8
    days = owner.rows(
        "SELECT request_date, rows, state FROM coverage WHERE dataset = 'energy_flows'"
        f" AND request_date BETWEEN '{first}' AND '{last}'"
    )
    assert len(days) == 12
    assert {row["request_date"] for row in days if not row["rows"]} == set(offline)
    assert {row["state"] for row in days if row["rows"]} == {"complete"}
    # That a day is empty is confirmed by asking again later.
    assert {row["state"] for row in days if not row["rows"]} == {"provisional"}


@needs_shared
def test_every_leaf_of_the_recorded_days_is_in_a_column():
    answer = recorded("energy_flows_half_hourly_2024-07-03")
    rows = rows_of(decode(DATASET, answer), "energy_flows")
    assert len(rows) == len(answer["data"]) == 97
    columns = {
        description.source: column
        for column, description in DATASET.main.schema.columns.items()
        if description.source
    }
    for sent, row in zip(answer["data"].values(), rows, strict=True):
        for path, value in leaves(sent):
            if path in ("start_time", "end_time"):
                local = row[f"{path.removesuffix('_time')}_local"]
                assert f"{local:%Y-%m-%d %H:%M}" == value
                assert columns[path] in row
            else:
                assert row[columns[path]] == value
        assert sum(row[name] is not None for name in KWH) == len(sent["data"])


@needs_shared
def test_the_example_of_the_api_document_is_accepted():
    answer = example("Get Energy Flow Data")
    (row,) = rows_of(decode(DATASET, answer), "energy_flows")
    assert row["start_at"] == datetime(2022, 1, 1, tzinfo=UTC)
    assert [row[name] for name in KWH] == [4.5, 8.3, 1.2, None, None, 7.3, None]
