"""Presets and their values: which an inverter has, what they are set to and when."""

import datetime as dt

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant
from simulator.control import Control

NOW = dt.datetime(2024, 7, 10, tzinfo=dt.UTC)
HOUSE, GATEWAY = "XA0000G000", "XA0000G002"
IN_ALL = [
    "eco-mode",
    "timed-charge",
    "timed-discharge",
    "timed-export",
    "battery-operating-range",
    "winter-battery-conditioning",
    "pause-battery",
    "reset-to-defaults",
]
IN_GATEWAYS = [
    "generator-mode",
    "smart-load",
    "grid-settings",
    "parallel-settings",
    "plant-ems-enable-control",
]
CHANGED = {"enabled": False, "slots": []}


@pytest.fixture
def sim():
    tokens = (TokenGrant("all"), TokenGrant("reader", scopes=frozenset({"api:inverter:read"})))
    with Simulator(SimulatorConfig(clock=NOW, tokens=tokens, rate_limit=1000)) as simulator:
        yield simulator


def values(sim, ask, preset, serial=HOUSE):
    answer = ask(sim, f"/inverter/{serial}/presets/{preset}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return answer.json()["data"]


def test_presets_have_numbers_identifiers_and_parameters(sim):
    rows = sim.truth_of("presets", HOUSE)
    assert [row["identifier"] for row in rows] == IN_ALL
    gateways = sim.truth_of("presets", GATEWAY)
    assert [row["identifier"] for row in gateways] == IN_ALL + IN_GATEWAYS
    assert [row["id"] for row in gateways] == list(range(13))
    assert rows[0]["parameters"]["enabled"]["validation"] == ["required", "boolean"]
    assert rows[-1]["parameters"] == {}


def test_the_first_version_has_neither_identifiers_nor_values(ask):
    with Simulator(SimulatorConfig(api_version="1.26")) as sim:
        assert list(sim.truth_of("presets", HOUSE)[0]) == [
            "id", "name", "description", "parameters",
        ]  # fmt: skip
        assert ask(sim, f"/inverter/{HOUSE}/presets/eco-mode").status_code in (404, 405)


def test_each_preset_has_values_and_reading_them_commands_nothing(sim, ask):
    for row in sim.truth_of("presets", GATEWAY):
        if row["identifier"] in ("reset-to-defaults", "battery-operating-range"):
            continue
        assert values(sim, ask, row["identifier"], GATEWAY).keys() == row["parameters"].keys()
    (slot,) = values(sim, ask, "timed-charge")["slots"]
    assert slot.keys() == {"start_time", "end_time", "percent_limit"}
    assert values(sim, ask, "battery-operating-range") is None
    assert sim.commands_received == 0


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        (f"{HOUSE}/presets/reset-to-defaults", "all", 404),
        (f"{HOUSE}/presets/generator-mode", "all", 404),
        (f"{HOUSE}/presets/1", "all", 404),
        ("XX/presets/eco-mode", "all", 404),
        (f"{HOUSE}/presets/eco-mode", "reader", 403),
    ],
)
def test_what_has_no_values(sim, ask, path, token, status):
    assert ask(sim, f"/inverter/{path}", token=token).status_code == status


def test_a_preset_is_applied_by_number_or_identifier(sim, ask):
    for preset in ("1", "timed-charge"):
        answer = ask(sim, f"/inverter/{HOUSE}/presets/{preset}", "POST", json={"enabled": True})
        assert answer.json()["data"]["success"] is True
    assert sim.commands_received == 2


def test_values_follow_the_changes_of_a_simulation(sim, ask):
    before = values(sim, ask, "timed-charge")
    later = NOW + dt.timedelta(days=2)
    Control(sim.base_url).set_preset(HOUSE, "timed-charge", CHANGED, at=later)
    sim.set_preset(HOUSE, "eco-mode", {"enabled": None})
    assert values(sim, ask, "timed-charge") == before
    assert values(sim, ask, "eco-mode") == {"enabled": None}
    sim.set_clock(later - dt.timedelta(seconds=1))
    assert values(sim, ask, "timed-charge") == before
    sim.set_clock(later)
    assert values(sim, ask, "timed-charge") == CHANGED
    sim.set_preset(HOUSE, "timed-charge", before, at=later)
    assert sim.truth_of("preset-values", HOUSE, preset="timed-charge") == [before]
    with pytest.raises(KeyError, match="XX"):
        sim.set_preset("XX", "eco-mode", {})
