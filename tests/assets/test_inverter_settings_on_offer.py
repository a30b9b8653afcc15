"""Setting definitions and presets: every leaf, versions, tokens that may not look."""

import json

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.ingestion.availability import unavailable
from assets.inverter_presets import DATASET as PRESETS
from assets.inverter_setting_definitions import DATASET as SETTINGS
from simulator.config import TokenGrant, default_token
from tests.support.api_examples import example, needs_shared, recorded
from tests.support.simulated_home import decode, rows_of

LISTS = (COMMUNICATION_DEVICES,)


def setting(**changes):
    return {
        "id": 999,
        "name": "Invented Limit",
        "validation": "From 1 to 7",
        "validation_rules": ["between:1,7"],
        **changes,
    }


def preset(**changes):
    return {
        "id": 3,
        "identifier": "invented",
        "name": "Invented",
        "description": "Does nothing",
        "parameters": {"slots": {"validation": ["array"]}, "enabled": {"validation": ["boolean"]}},
        **changes,
    }


def test_each_leaf_of_a_setting_is_a_column():
    (row,) = rows_of(decode(SETTINGS, {"data": [setting()]}), SETTINGS.name)
    assert row == {
        "inverter_serial": "SIM0001",
        "setting_id": 999,
        "name": "Invented Limit",
        "validation": "From 1 to 7",
        "validation_rules": ["between:1,7"],
        "extra_fields": None,
    }


def test_each_leaf_of_a_preset_is_a_column_and_parameters_are_json():
    (row,) = rows_of(decode(PRESETS, {"data": [preset()]}), PRESETS.name)
    assert json.loads(row.pop("parameters")) == preset()["parameters"]
    assert row == {
        "inverter_serial": "SIM0001",
        "preset_id": 3,
        "identifier": "invented",
        "name": "Invented",
        "description": "Does nothing",
        "extra_fields": None,
    }


def test_odd_settings_are_kept_or_quarantined():
    answer = [
        setting(id="1000"),
        setting(id=1001, validation_rules=None, unit="W"),
        setting(id=None),
        setting(id=1002, validation_rules="between:1,7"),
        setting(name="Again"),
        setting(),
    ]
    decoded = decode(SETTINGS, {"data": answer})
    rows = rows_of(decoded, SETTINGS.name)
    found = {row["setting_id"]: (row["name"], row["validation_rules"]) for row in rows}
    assert found == {
        1000: ("Invented Limit", ["between:1,7"]),
        1001: ("Invented Limit", None),
        1002: ("Invented Limit", None),
        999: ("Invented Limit", ["between:1,7"]),
    }
    assert {row["setting_id"]: row["extra_fields"] for row in rows}[1001] == '{"unit":"W"}'
    reasons = {(row["row_index"], row["reason"]) for row in decoded.quarantine.to_pylist()}
    assert reasons == {(2, "check_failed"), (3, "not_decodable"), (4, "duplicate_key")}


@needs_shared
def test_the_recorded_settings_land_whole():
    answer = recorded("inverter_settings")
    rows = rows_of(decode(SETTINGS, answer), SETTINGS.name)
    landed = [
        {"id": row.pop("setting_id"), **row} | {"inverter_serial": None, "extra_fields": None}
        for row in rows
    ]
    assert landed == [
        row | {"inverter_serial": None, "extra_fields": None} for row in answer["data"]
    ]
    assert len(landed) == 27


@needs_shared
def test_the_documents_examples_land_whole():
    (sent,) = example("Get Settings List")["data"]
    (row,) = rows_of(decode(SETTINGS, {"data": [sent]}), SETTINGS.name)
    assert {name: row[name] for name in ("name", "validation", "validation_rules")} | {
        "id": row["setting_id"]
    } == sent
    (sent,) = example("Get Setting Presets")["data"]
    (row,) = rows_of(decode(PRESETS, {"data": [sent]}), PRESETS.name)
    assert {
        "id": row["preset_id"],
        "name": row["name"],
        "description": row["description"],
        "parameters": json.loads(row["parameters"]),
    } == sent


@pytest.mark.slow_but_first
@pytest.mark.parametrize(
    ("dataset", "listing", "key"),
    [(SETTINGS, "settings", "setting_id"), (PRESETS, "presets", "preset_id")],
)
def test_what_is_on_offer_has_versions_of_its_own_for_each_inverter(home, dataset, listing, key):
    at_home = home()
    sim = at_home.simulator
    first, second = sim.serials
    before = sim.truth_of(listing, first)
    assert at_home.refresh(dataset, lists=LISTS).failures == []
    sim.set_listing(listing, first, [before[0] | {"name": "Renamed"}, *before[2:]])
    at_home.refresh(dataset, lists=LISTS)
    rows = at_home.rows(f"FROM {dataset.name} ORDER BY valid_from")

    def versions(serial, number):
        return [
            (row["name"], row["valid_to"] is None)
            for row in rows
            if (row["inverter_serial"], row[key]) == (serial, before[number]["id"])
        ]

    assert versions(first, 0) == [(before[0]["name"], False), ("Renamed", True)]
    assert versions(first, 1) == [(before[1]["name"], False)]
    assert versions(second, 0) == [(sim.truth_of(listing, second)[0]["name"], True)]
    assert len(rows) == len(before) + 1 + len(sim.truth_of(listing, second))


@pytest.mark.slow
@pytest.mark.parametrize("dataset", [SETTINGS, PRESETS])
def test_a_token_without_the_scope_is_found_out_by_one_request(home, dataset):
    scopes = frozenset({"api:inverter:list", "api:inverter:data", "api:account:read"})
    at_home = home(inverters=5, tokens=(TokenGrant(default_token(7), scopes=scopes),))
    report = at_home.refresh(dataset, lists=LISTS)
    assert len(at_home.paths()) == 1
    assert report.failures == []
    assert report.stopped is None
    assert "api:inverter:control" in report.unavailable[0]
    at_home.refresh_later(dataset, lists=LISTS)
    assert len(at_home.paths()) == 1
    at_home.refresh(dataset, lists=LISTS)
    assert at_home.paths() == []
    with at_home.session() as session:
        assert list(unavailable(session.lake)[dataset.name]) == [""]


def test_nothing_commands_an_inverter(home):
    at_home = home(ems=1)
    for dataset in (SETTINGS, PRESETS):
        at_home.refresh(dataset, lists=LISTS)
        assert at_home.simulator.commands_received == 0
