"""Values of presets: shapes, versions, presets that are lacking, and what was set on a day."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.ingestion.availability import unavailable
from assets.inverter_preset_values import DATASET
from assets.inverter_presets import DATASET as PRESETS
from pipelines.discovery import known_state_of
from simulator.config import TokenGrant, default_token
from tests.support import clock
from tests.support.api_examples import PRESET_VALUES
from tests.support.simulated_home import decode, rows_of

LISTS = (COMMUNICATION_DEVICES,)
PATH = "/inverter/SIM0001/presets/timed-charge"
NOTHING = {
    "is_enabled": None,
    "slots": None,
    "max_power_w": None,
    "start_soc_percent": None,
    "stop_soc_percent": None,
    "charge_power_percent": None,
    "mode": None,
    "extra_fields": None,
}
# Without battery-operating-range, which was never set, and reset-to-defaults, which has no values.
WITH_VALUES = [
    "eco-mode",
    "pause-battery",
    "timed-charge",
    "timed-discharge",
    "timed-export",
    "winter-battery-conditioning",
]


def values_of(data, path=PATH):
    return rows_of(decode(DATASET, {"data": data}, path=path), DATASET.name)


def slot(start, end, percent, extra=None):
    return {
        "start_time": start, "end_time": end, "percent_limit": percent, "extra_fields": extra,
    }  # fmt: skip


def test_the_documented_example_lands_whole():
    (row,) = values_of(PRESET_VALUES)
    assert json.loads(row.pop("data")) == PRESET_VALUES
    assert row == {
        **NOTHING,
        "inverter_serial": "SIM0001",
        "preset": "timed-charge",
        "is_enabled": True,
        "slots": [slot("00:00", "06:00", 50.0)],
    }


@pytest.mark.parametrize(
    ("sent", "columns"),
    [
        ({"enabled": None, "slots": None}, {}),
        ({"enabled": False, "slots": []}, {"is_enabled": False, "slots": []}),
        ({"max_power_watts": "2600"}, {"max_power_w": 2600.0}),
        ({"mode": 3}, {"mode": "3"}),
        ({"enabled": 1}, {"is_enabled": True}),
        ({"enabled": "0"}, {"is_enabled": False}),
        ({"enabled": "true"}, {"is_enabled": True}),
        ([{"enabled": False, "max_power_watts": 9}], {"is_enabled": False, "max_power_w": 9.0}),
        (
            {"slots": {"1": {"start": "23:30", "end": "24:00", "limit": 7}}},
            {"slots": [slot("23:30", "24:00", 7.0)]},
        ),
        (
            {"enabled": True, "start_soc": 20, "stop_soc": 80, "charge_power_percent": 50},
            {
                "is_enabled": True,
                "start_soc_percent": 20.0,
                "stop_soc_percent": 80.0,
                "charge_power_percent": 50.0,
            },
        ),
        (
            {"slots": {"0": {"start_time": "23:30", "end_time": "24:00", "percent_limit": None}}},
            {"slots": [slot("23:30", "24:00", None)]},
        ),
        (
            {"slots": {"start_time": "00:00", "end_time": "06:00", "percent_limit": 50}},
            {"slots": [slot("00:00", "06:00", 50.0)]},
        ),
        (
            {"slots": [{"start_time": 7, "end_time": "08:00", "days": [1]}, "all day"]},
            {
                "slots": [
                    slot(None, "08:00", None, '{"days":[1],"start_time":7}'),
                    slot(None, None, None, '{"value":"all day"}'),
                ]
            },
        ),
        ({"reserve": {"percent": 4}}, {"extra_fields": '{"data.reserve":{"percent":4}}'}),
        ({"enabled": "yes", "mode": True, "slots": 3, "max_power_watts": "lots"}, {
            "extra_fields": '{"data.enabled":"yes","data.max_power_watts":"lots","data.mode":true,'
            '"data.slots":3}',
        }),
        (True, {"extra_fields": '{"data.value":true}'}),
        ([1, 2], {"extra_fields": '{"data.value":[1,2]}'}),
    ],
)  # fmt: skip
def test_other_values_are_kept(sent, columns):
    (row,) = values_of(sent)
    assert json.loads(row.pop("data")) == sent
    extra = json.loads(row.pop("extra_fields") or "{}")
    assert extra == json.loads(columns.pop("extra_fields", "{}"))
    expected = {**NOTHING, "inverter_serial": "SIM0001", "preset": "timed-charge", **columns}
    assert {**row, "extra_fields": None} == expected


@pytest.mark.parametrize("sent", [None, [], {}])
def test_a_preset_without_values_has_no_row(sent):
    assert values_of(sent) == []


def refresh(at_home):
    """Read the presets and their values; return the report of the values."""
    assert at_home.refresh(PRESETS, lists=LISTS).failures == []
    return at_home.refresh(DATASET, lists=LISTS)


def test_each_preset_of_each_inverter_is_requested_and_in_the_table(home):
    at_home = home(gateways=1)
    sim = at_home.simulator
    assert refresh(at_home).failures == []
    rows = at_home.rows(f"FROM {DATASET.name} ORDER BY ALL")
    requested = []
    for serial in sim.serials:
        identifiers = [row["identifier"] for row in sim.truth_of("presets", serial)]
        identifiers.remove("reset-to-defaults")
        requested += [f"/inverter/{serial}/presets/{name}" for name in identifiers]
        sent = {
            name: values
            for name in identifiers
            if (values := sim.truth_of("preset-values", serial, preset=name)[0]) is not None
        }
        found = {row["preset"]: row for row in rows if row["inverter_serial"] == serial}
        assert {name: json.loads(row["data"]) for name, row in found.items()} == sent
        for name, values in sent.items():
            row = found[name]
            assert row["is_enabled"] == values.get("enabled")
            assert (
                row["slots"] == [{**slot, "extra_fields": None} for slot in values["slots"]]
                if "slots" in values
                else row["slots"] is None
            )
            assert row["max_power_w"] == values.get("max_power_watts")
            assert row["start_soc_percent"] == values.get("start_soc")
            assert row["stop_soc_percent"] == values.get("stop_soc")
            assert row["charge_power_percent"] == values.get("charge_power_percent")
            assert row["mode"] == (str(values["mode"]) if "mode" in values else None)
            assert row["extra_fields"] is None
    # An ordinary inverter has 7 presets with values, a Gateway 12.
    assert sorted(at_home.paths()) == sorted(requested)
    assert len(requested) == 7 + 12
    assert sim.commands_received == 0


@pytest.mark.slow
def test_an_api_without_identifiers_is_not_asked_for_values(home):
    at_home = home(api_version="1.26")
    assert refresh(at_home).failures == []
    assert at_home.paths() == []


@pytest.mark.slow
def test_presets_without_an_identifier_are_listed_and_not_asked_for_values(home):
    at_home = home(inverters=1)
    rows = [{"id": 1, "identifier": None, "name": "One"}, {"id": 2, "name": "Two"}]
    at_home.simulator.override("/presets$", json.dumps({"data": rows}).encode())
    assert refresh(at_home).failures == []
    assert at_home.paths() == []
    found = at_home.rows("SELECT name, identifier FROM inverter_presets ORDER BY name")
    assert found == [{"name": "One", "identifier": None}, {"name": "Two", "identifier": None}]


@pytest.mark.slow
def test_a_preset_that_is_lacking_is_remembered_and_the_others_are_read(home):
    at_home = home(inverters=1)
    (serial,) = at_home.simulator.serials
    at_home.simulator.fail("/presets/timed-export", status=404)
    report = refresh(at_home)
    assert (report.failures, report.stopped) == ([], None)
    found = at_home.rows(f"SELECT preset FROM {DATASET.name} ORDER BY preset")
    others = [name for name in WITH_VALUES if name != "timed-export"]
    assert [row["preset"] for row in found] == others
    with at_home.session() as session:
        assert list(unavailable(session.lake)[DATASET.name]) == [f"{serial} timed-export"]
    at_home.refresh_later(DATASET, lists=LISTS)
    at_home.refresh(DATASET, lists=LISTS)
    assert f"/inverter/{serial}/presets/timed-export" not in at_home.paths()
    assert len(at_home.paths()) == 6


@pytest.mark.slow
def test_a_token_without_the_scope_is_found_out_by_one_request(home):
    at_home = home(inverters=3)
    refresh(at_home)
    scopes = frozenset({"api:inverter:list", "api:inverter:data", "api:account:read"})
    other = home(inverters=3, tokens=(TokenGrant(default_token(7), scopes=scopes),))
    report = other.refresh(DATASET, lists=LISTS)
    assert (len(other.paths()), report.failures, report.stopped) == (1, [], None)
    assert "api:inverter:control" in report.unavailable[0]


@pytest.mark.slow
def test_the_same_values_in_another_order_are_no_new_version(home):
    at_home = home(inverters=1)
    sim = at_home.simulator
    (serial,) = sim.serials
    refresh(at_home)
    (values,) = sim.truth_of("preset-values", serial, preset="timed-charge")
    sim.set_preset(serial, "timed-charge", dict(reversed(values.items())))
    at_home.refresh(DATASET, lists=LISTS)
    (count,) = at_home.rows(f"SELECT count(*) AS rows FROM {DATASET.name}")
    assert count["rows"] == len(WITH_VALUES)
    sim.set_preset(serial, "timed-charge", None)
    at_home.refresh(DATASET, lists=LISTS)
    now = at_home.rows(f"FROM {DATASET.name}_now ORDER BY preset")
    assert [row["preset"] for row in now] == [n for n in WITH_VALUES if n != "timed-charge"]


@pytest.mark.slow
def test_other_spellings_of_a_number_and_times_of_changes_are_no_new_version(home):
    at_home = home(inverters=1)
    sim = at_home.simulator
    (serial,) = sim.serials
    refresh(at_home)
    slots = [{"start_time": "00:30", "end_time": "04:30", "percent_limit": 50, "power": 3}]
    sent = [
        {"enabled": True, "slots": slots, "reserve": [4], "updated_at": "2025-01-01T00:00:00Z"},
        {
            "enabled": True,
            "slots": [{**slots[0], "percent_limit": 50.0, "power": 3.0, "changed_at": 1}],
            "reserve": [4.0],
            "updated_at": "2025-01-02T00:00:00Z",
        },
        {"enabled": True, "slots": slots, "reserve": [5], "updated_at": None},
    ]
    versions = []
    for values in sent:
        sim.set_preset(serial, "timed-charge", values)
        at_home.refresh(DATASET, lists=LISTS)
        (now,) = at_home.rows(f"FROM {DATASET.name}_now WHERE preset = 'timed-charge'")
        assert json.loads(now["data"]) == values
        assert now["slots"][0]["percent_limit"] == 50.0
        versions.append(now["valid_from"])
    assert versions[0] == versions[1] < versions[2]


def charge(*slots, enabled=True):
    names = ("start_time", "end_time", "percent_limit")
    return {"enabled": enabled, "slots": [dict(zip(names, each, strict=True)) for each in slots]}


FIRST_POLL = date(2025, 1, 10)
# When the owner changed the schedule, and what it has been since.
NIGHT, EARLY = ("00:30", "04:30", 100), ("23:30", "05:30", 80)
SCHEDULE = [
    (datetime(2025, 1, 1, tzinfo=UTC), charge(NIGHT)),
    (datetime(2025, 2, 3, 18, tzinfo=UTC), charge(("00:30", "04:30", 80))),
    (datetime(2025, 4, 10, 3, tzinfo=UTC), charge(EARLY)),
    (datetime(2025, 6, 21, 12, tzinfo=UTC), charge(EARLY, enabled=False)),
    (datetime(2025, 9, 1, 20, tzinfo=UTC), charge(EARLY, ("13:00", "16:00", 60))),
    (datetime(2025, 11, 15, 9, tzinfo=UTC), charge(("00:30", "05:30", 95))),
]
# Each is seen by the first poll after it, at six in the morning.
SEEN = [
    FIRST_POLL,
    date(2025, 2, 4),
    date(2025, 4, 10),
    date(2025, 6, 22),
    date(2025, 9, 2),
    date(2025, 11, 16),
]
QUERY = re.search(
    r"### What was set on a day.*?```sql\n(.*?);\n```",
    (Path(__file__).parents[2] / "docs" / "stores.md").read_text(),
    re.DOTALL,
)[1]


@pytest.fixture(scope="module")
def year_of_changes():
    """Return the polls around each change; those between see what the one before saw."""
    days = {day + timedelta(days=offset) for day in SEEN for offset in (-1, 0, 1)}
    return sorted(day for day in days if day >= FIRST_POLL)


def as_rows(values):
    return [
        (values["enabled"], each["start_time"], each["end_time"], each["percent_limit"])
        for each in values["slots"]
    ]


@pytest.mark.slow
def test_what_was_set_on_each_day_of_a_year_with_five_changes(home, year_of_changes):
    at_home = home(inverters=1)
    sim = at_home.simulator
    (serial,) = sim.serials
    for moment, values in SCHEDULE:
        sim.set_preset(serial, "timed-charge", values, at=moment)
    for day in year_of_changes:
        with clock.at(datetime(day.year, day.month, day.day, 6, tzinfo=UTC)) as moment:
            sim.set_clock(moment)
            assert refresh(at_home).failures == []
            # Seven presets, one poll: whether anything changed or not.
            assert len(at_home.paths()) == 7
    versions = at_home.rows(
        f"SELECT valid_from, valid_to FROM {DATASET.name} WHERE preset = 'timed-charge' ORDER BY 1"
    )
    assert [row["valid_from"].date() for row in versions] == SEEN
    assert [row["valid_to"] and row["valid_to"].date() for row in versions] == [*SEEN[1:], None]

    def set_on(day):
        rows = state.rows(QUERY.replace("2025-06-01", day.isoformat()))
        assert all(row["inverter_serial"] == serial for row in rows)
        names = ("is_enabled", "start_time", "end_time", "percent_limit")
        return [tuple(row[name] for name in names) for row in rows]

    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(365)]
    counts = {0: 0, 1: 0, 2: 0}
    with at_home.session() as session, (state := known_state_of(session, {})).reading():
        for day in days:
            # What the polls until this day have seen, and what was seen first on this day.
            current = [number for number, seen in enumerate(SEEN) if seen <= day][-1:]
            before = [number - 1 for number in current if SEEN[number] == day and number]
            expected = [row for n in before + current for row in as_rows(SCHEDULE[n][1])]
            counts[len(before + current)] += 1
            assert set_on(day) == expected, day
        assert counts == {0: 9, 1: 351, 2: 5}
        # The day of the first change: the poll of its morning could not see it yet.
        assert set_on(date(2025, 2, 3)) == [(True, *NIGHT)]
        assert set_on(date(2025, 2, 4)) == [(True, *NIGHT), (True, "00:30", "04:30", 80)]
        assert set_on(date(2025, 7, 14)) == [(False, *EARLY)]
        assert set_on(date(2025, 1, 9)) == []
