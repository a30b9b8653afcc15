"""Locks, their configuration and preset profiles: each leaf, versions, nobody's name."""

import json
from datetime import UTC, datetime

import pytest

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.lock_settings import DATASET as LOCK_SETTINGS
from assets.locks import DATASET as LOCKS
from assets.preset_profiles import DATASET as PROFILES
from tests.support.simulated_home import decode, rows_of

LISTS = (COMMUNICATION_DEVICES,)
# Every other day there is a lock.
NOW = datetime(2025, 7, 1, 12, tzinfo=UTC)
SHAPES = pytest.mark.parametrize("shape", ["list", "object"])
LISTINGS = {LOCKS: "locks", LOCK_SETTINGS: "lock-settings", PROFILES: "preset-profiles"}
EACH = pytest.mark.parametrize("dataset", LISTINGS, ids=lambda dataset: dataset.name)


def test_the_leaves_of_a_lock():
    lock = {
        "id": 5,
        "lockable_type": "inverter",
        "created_at": "2025-07-01T00:00:00Z",
        "expires_at": "soon",
        "reason": "Visit",
        "priority": 3,
    }
    (row,) = rows_of(decode(LOCKS, {"data": [lock]}), LOCKS.name)
    assert row.pop("extra_digest")
    assert row == {
        "inverter_serial": "SIM0001",
        "lock_id": "5",
        "type": "inverter",
        "created_at": datetime(2025, 7, 1, tzinfo=UTC),
        "expires_at": None,
        "reason": "Visit",
        "extra_fields": json.dumps(lock, separators=(",", ":")),
    }


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ([{"type": "inverter", "enabled": True}], {"inverter": True}),
        ({"inverter": {"is_enabled": False}, "ems": {"value": True}}, {"inverter": False,
                                                                       "ems": True}),
        ({"enabled": True, "types": ["inverter"]}, {"0": True}),
        ({"default_duration": 5}, {"0": None}),
    ],
)  # fmt: skip
def test_the_configuration_comes_in_every_shape(data, found):
    rows = rows_of(decode(LOCK_SETTINGS, {"data": data}), LOCK_SETTINGS.name)
    assert {row["setting"]: row["is_enabled"] for row in rows} == found


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ([{"name": "A", "presets": {"x": 1}}], {"A": '{"x":1}'}),
        ([{"id": 3, "settings": []}, {"z": 1}], {"3": "[]", "1": None}),
        ({"A": {"values": {"x": 1}}, "B": {"presets": [2]}}, {"A": '{"x":1}', "B": "[2]"}),
        ({"name": "A", "presets": [{"x": 1}]}, {"A": '[{"x":1}]'}),
    ],
)
def test_profiles_come_in_every_shape(data, found):
    rows = rows_of(decode(PROFILES, {"data": data}), PROFILES.name)
    assert {row["profile"]: row["presets"] for row in rows} == found


@pytest.mark.slow_but_first
@SHAPES
def test_profiles_are_what_the_simulator_has(home, shape):
    at_home = home(undocumented_as=shape)
    sim = at_home.simulator
    assert at_home.refresh(PROFILES, lists=LISTS).failures == []
    assert sorted(at_home.paths()) == [f"/inverter/{s}/preset-profile" for s in sim.serials]
    landed = {
        (row["inverter_serial"], row["profile"]): (
            json.loads(row["presets"]),
            json.loads(row["extra_fields"])["is_active"],
        )
        for row in at_home.rows("FROM preset_profiles_now")
    }
    assert landed == {
        (serial, row["name"]): (row["presets"], row["is_active"])
        for serial in sim.serials
        for row in sim.truth_of("preset-profiles", serial)
    }


@pytest.mark.slow_but_first
@SHAPES
@pytest.mark.parametrize("keep", ["", "locks:*"])
def test_locks_are_what_the_simulator_has_but_for_people(home, shape, keep):
    at_home = home({"GIVLAKE_KEEP_PERSONAL": keep}, undocumented_as=shape, clock=NOW)
    sim = at_home.simulator
    if not sim.truth_of("locks", sim.serials[0]):
        sim.set_clock(datetime(2025, 7, 2, 12, tzinfo=UTC))
    assert at_home.refresh(LOCKS, lists=LISTS).failures == []
    assert sorted(at_home.paths()) == [f"/lock/inverter/{serial}" for serial in sim.serials]
    rows = at_home.rows("FROM locks_now ORDER BY inverter_serial")
    truth = [row for serial in sim.serials for row in sim.truth_of("locks", serial)]
    assert len(rows) == len(truth) == 2
    for row, sent in zip(rows, truth, strict=True):
        extra = json.loads(row["extra_fields"])
        assert (row["lock_id"], extra["priority"]) == (str(sent["id"]), sent["priority"])
        assert row["expires_at"] == datetime.fromisoformat(sent["expires_at"])
        assert row["reason"] == (sent["reason"] if keep else None)
        assert ("example.org" in row["extra_fields"]) == bool(keep)


@SHAPES
def test_the_configuration_is_what_the_simulator_has_but_for_people(home, shape):
    at_home = home(undocumented_as=shape)
    sim = at_home.simulator
    assert at_home.refresh(LOCK_SETTINGS).failures == []
    assert at_home.paths() == ["/lock"]
    truth = sim.truth_of("lock-settings", str(sim.account["id"]))
    rows = {row["setting"]: row for row in at_home.rows("FROM lock_settings_now")}
    assert rows.keys() == {row["type"] for row in truth}
    for sent in truth:
        row = rows[sent["type"]]
        extra = json.loads(row["extra_fields"])
        assert extra["contact"] == {"redacted": "string"}
        if shape == "list":
            assert row["is_enabled"] == sent["enabled"]
            assert extra["default_duration"] == sent["default_duration"]


@pytest.mark.slow
@EACH
def test_what_is_gone_ends_and_comes_back_as_a_version(home, dataset):
    at_home = home(inverters=1)
    sim = at_home.simulator
    thing = str(sim.account["id"]) if dataset is LOCK_SETTINGS else sim.serials[0]
    row = {"id": 1, "type": "inverter", "name": "A"}
    for rows in ([row], [row], [], [row]):
        sim.set_listing(LISTINGS[dataset], thing, rows)
        assert at_home.refresh(dataset, lists=LISTS).failures == []
    found = at_home.rows(
        f"SELECT valid_to IS NULL AS is_now FROM {dataset.name} ORDER BY valid_from"
    )
    assert found == [{"is_now": False}, {"is_now": True}]


@pytest.mark.slow
@EACH
@pytest.mark.parametrize(
    ("body", "rows"), [(b"[]", 0), (b"{}", 0), (b'{"data": []}', 0), (b'[{"id": 1}, {"id": 2}]', 2)]
)
def test_the_content_can_come_without_an_envelope(home, dataset, body, rows):
    at_home = home(inverters=1)
    at_home.simulator.override("/(lock|inverter/[^/]+/preset-profile)", body)
    assert at_home.refresh(dataset, lists=LISTS).failures == []
    assert len(at_home.paths()) == 1
    assert len(at_home.rows(f"FROM {dataset.name}")) == rows


@pytest.mark.slow_but_first
@EACH
def test_an_api_without_it_is_asked_once_and_then_weekly(home, dataset):
    at_home = home(api_version="1.35")
    report = at_home.refresh(dataset, lists=LISTS)
    assert (len(at_home.paths()), report.failures, report.stopped) == (1, [], None)
    at_home.refresh_later(dataset, lists=LISTS)
    assert len(at_home.paths()) == 1
    at_home.refresh(dataset, lists=LISTS)
    assert at_home.paths() == []
