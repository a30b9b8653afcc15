"""Commands of EV chargers and what they were told: shapes, codes, versions, lacking scopes."""

import json

import pytest

from assets.ev_charger_commands import DATASET as COMMANDS
from assets.ev_charger_configuration import DATASET as CONFIGURATION
from assets.ev_chargers import DATASET as CHARGERS
from assets.framework.ingestion.availability import unavailable
from givenergy.codes import codes_with_flag, domain
from simulator.config import TokenGrant, default_token
from tests.support.api_examples import SHARED, example, needs_shared
from tests.support.simulated_home import decode, rows_of

LISTS = (CHARGERS,)


def told(command, data):
    """Decode what a command was told; give its row without what is null, and the decoded."""
    decoded = decode(
        CONFIGURATION,
        {"data": data},
        device_id="charger-1",
        path=f"/ev-charger/charger-1/commands/{command}",
    )
    rows = rows_of(decoded, CONFIGURATION.name)
    return [{name: v for name, v in row.items() if v is not None} for row in rows], decoded


def test_each_supported_command_is_a_row():
    answer = {"data": ["start-charge", "Set-Plug-And-Go", "fly"]}
    decoded = decode(COMMANDS, answer, device_id="charger-1")
    descriptions = {code.code: code.description for code in domain("charger_command")}
    assert [tuple(row.values()) for row in rows_of(decoded, COMMANDS.name)] == [
        ("charger-1", "start-charge", "start-charge", descriptions["start-charge"], None),
        ("charger-1", "Set-Plug-And-Go", "set-plug-and-go", descriptions["set-plug-and-go"], None),
        ("charger-1", "fly", "unknown (fly)", None, None),
    ]
    assert [(d.kind, d.value) for d in decoded.drift] == [("unknown_code", "fly")]


def test_commands_that_are_no_text_are_quarantined():
    keyed = {"data": {"0": "start-charge", "1": None, "2": {"id": "x"}}}
    decoded = decode(COMMANDS, keyed, {"data": "start-charge"}, device_id="charger-1")
    assert [row["command"] for row in rows_of(decoded, COMMANDS.name)] == ["start-charge"]
    found = [(r["response_id"], r["reason"]) for r in decoded.quarantine.to_pylist()]
    assert sorted(found) == [(1, "check_failed"), (1, "check_failed"), (2, "not_decodable")]
    assert [listing.first_response_id for listing in decoded.listings] == [1]


@pytest.mark.parametrize(
    ("command", "data", "expected"),
    [
        (
            "adjust-charge-power-limit",
            {"min": 6, "max": "32", "value": 16.5, "unit": "A"},
            {"minimum": 6, "maximum": 32, "value": "16.5", "value_number": 16.5, "unit": "A"},
        ),
        ("set-plug-and-go", True, {"value": "true", "is_enabled": True}),
        ("enable-front-panel-led", {"value": False}, {"value": "false", "is_enabled": False}),
        (
            "set-session-energy-limit",
            {"min": 0.1, "max": 250, "value": None, "unit": "kWh"},
            {"minimum": 0.1, "maximum": 250, "unit": "kWh"},
        ),
        (
            "change-mode",
            {"active": "SuperEco", "available": ["Eco", "SuperEco"]},
            {
                "charger_mode": "SuperEco",
                "charger_mode_name": "Eco+",
                "available_charger_modes": ["Eco", "SuperEco"],
            },
        ),
        (
            "configure-inverter-control",
            {
                "inverter_battery_export_split": 0.25,
                "max_battery_discharge_power_to_evc": 1500,
                "mode": "Boost",
            },
            {
                "battery_export_split": 0.25,
                "max_battery_discharge_power_w": 1500,
                "charger_mode": "Boost",
                "charger_mode_name": "Boost",
            },
        ),
        (
            "configuration-mode",
            {"value": "C"},
            {"value": "C", "configuration_mode": "C", "configuration_mode_name": "CT Meter"},
        ),
        (
            "installation-mode",
            "ct_meter",
            {
                "value": "ct_meter",
                "installation_mode": "ct_meter",
                "installation_mode_name": "CT + Meter",
            },
        ),
        ("set-active-schedule", {"schedule_id": "abc"}, {"active_schedule_id": "abc"}),
        ("setup-version", 3, {"value": "3", "value_number": 3}),
        (
            "add-id-tags",
            {"id_tags": [{"id": {"pseudonym": "00ff"}, "alias": None}], "maximum_id_tags": 200},
            {"maximum_id_tags": 200},
        ),
        ("set-schedule", {"schedules": [{"id": "1", "name": {"redacted": "string"}}]}, {}),
    ],
)
def test_the_result_of_a_command_is_decoded(command, data, expected):
    ((row,), decoded) = told(command, data)
    assert json.loads(row.pop("data")) == data
    assert row == {
        "charger_uuid": "charger-1",
        "command": command,
        "command_name": command,
        **expected,
    }
    assert decoded.drift == []


@pytest.mark.parametrize("data", [None, [], {}])
def test_a_command_with_nothing_to_tell_has_no_row(data):
    rows, decoded = told("start-charge", data)
    assert rows == []
    assert decoded.rows_in == {1: 0}
    assert [listing.listed_by for listing in decoded.listings] == ["charger-1 start-charge"]


def test_odd_data_are_kept_and_counted():
    ((row,), decoded) = told(
        "adjust-charge-power-limit",
        {"min": "six", "value": {"a": 1}, "unit": 4, "available": "all", "step": {"b": 2}},
    )
    assert (row["value"], row["unit"]) == ('{"a":1}', "4")
    assert "minimum" not in row
    assert json.loads(row["data"])["step"] == {"b": 2}
    assert {(d.kind, d.field, d.value) for d in decoded.drift} == {
        ("changed_type", "data.min", "string"),
        ("changed_type", "data.available", "string"),
        ("new_field", "data.step", "object"),
    }
    ((row,), decoded) = told("change-mode", {"active": "Turbo", "available": None})
    assert row["charger_mode_name"] == "unknown (Turbo)"
    assert [(d.kind, d.value) for d in decoded.drift] == [("unknown_code", "Turbo")]
    ((row,), _) = told("some-new-command", [1, {"x": 10**400}])
    assert row["command_name"] == "unknown (some-new-command)"
    ((row,), decoded) = told("setup-version", {"value": 10**400, "maximum_id_tags": 2**70})
    assert row.keys() >= {"data", "value"}
    assert "maximum_id_tags" not in row


@needs_shared
def test_each_command_that_the_document_lists_is_known():
    sent = example("Get Supported Commands")["data"]
    decoded = decode(COMMANDS, {"data": sent})
    assert [row["command_name"] for row in rows_of(decoded, COMMANDS.name)] == sent


def documented():
    """Give the data that the document prints for each command."""
    text = (SHARED / "api" / "givenergy-api-v1.26.txt").read_text()
    text = text[text.index("\nCommand Data\n{\n") : text.index("\nGet Supported Commands\n")]
    names = [code.code for code in domain("charger_command") if code.since == "1.26"]
    starts = [0]
    for name in names:
        starts.append(text.index(f"\n{name}\n", starts[-1]))
    for name, start, end in zip(names, starts[1:], [*starts[2:], len(text)], strict=True):
        printed = text[start:end].rpartition("\nCommand Data\n")[2]
        try:
            yield name, json.JSONDecoder().raw_decode(printed)[0]
        except ValueError:
            assert printed.startswith("A description"), name


@needs_shared
def test_the_documents_data_of_each_command_land_whole():
    printed = dict(documented())
    assert len(printed) == 19
    for command, data in [*printed.items(), ("change-mode", example("Get Command Data")["data"])]:
        rows, decoded = told(command, data)
        assert [json.loads(row["data"]) for row in rows] == ([] if data in (None, []) else [data])
        assert not [drift for drift in decoded.drift if drift.kind == "new_field"]
        if data in (None, []):
            assert command in codes_with_flag("charger_command", "without_data")


@pytest.mark.slow
def test_commands_and_their_data_have_versions(home):
    at_home = home(ev_chargers=2)
    sim = at_home.simulator
    first, second = sim.charger_uuids
    commands = {uuid: sim.truth_of("ev-commands", uuid) for uuid in (first, second)}
    at_home.refresh(COMMANDS, lists=LISTS)
    assert len(at_home.paths()) == 2
    rows = at_home.rows("FROM ev_charger_commands_now")
    assert {(row["charger_uuid"], row["command"]) for row in rows} == {
        (uuid, command) for uuid, names in commands.items() for command in names
    }
    at_home.refresh(CONFIGURATION, lists=LISTS)
    wanted = {
        f"/ev-charger/{uuid}/commands/{command}"
        for uuid, names in commands.items()
        for command in names
        if command not in codes_with_flag("charger_command", "without_data")
    }
    assert sorted(at_home.paths()) == sorted(wanted)
    assert sim.commands_received == 0
    sim.set_listing("ev-command-data", f"{first}/change-mode", [{"active": "Eco", "available": []}])
    sim.set_listing("ev-command-data", f"{first}/set-plug-and-go", [None])
    sim.set_listing("ev-commands", second, commands[second][1:])
    at_home.refresh(COMMANDS, lists=LISTS)
    at_home.refresh(CONFIGURATION, lists=LISTS)
    rows = at_home.rows("FROM ev_charger_configuration ORDER BY valid_from")

    def versions(command, column):
        return [
            (row[column], row["valid_to"] is None)
            for row in rows
            if (row["charger_uuid"], row["command"]) == (first, command)
        ]

    assert [is_now for _, is_now in versions("change-mode", "charger_mode")] == [False, True]
    assert versions("change-mode", "charger_mode")[1] == ("Eco", True)
    assert [is_now for _, is_now in versions("set-plug-and-go", "value")] == [False]
    limit = sim.truth_of("ev-command-data", f"{first}/adjust-charge-power-limit")[0]["value"]
    assert versions("adjust-charge-power-limit", "value_number") == [(limit, True)]
    ended = at_home.rows("FROM ev_charger_commands WHERE valid_to IS NOT NULL")
    assert [(r["charger_uuid"], r["command"]) for r in ended] == [(second, commands[second][0])]


def test_names_and_tags_are_not_kept(home):
    at_home = home(ev_chargers=1)
    at_home.refresh(COMMANDS, lists=LISTS)
    at_home.refresh(CONFIGURATION, lists=LISTS)
    rows = at_home.rows("SELECT command, data FROM ev_charger_configuration")
    data = {row["command"]: json.loads(row["data"]) for row in rows}
    assert [s["name"] for s in data["set-schedule"]["schedules"]] == [{"redacted": "string"}] * 2
    tags = data["add-id-tags"]["id_tags"]
    assert all(tag["id"].keys() == {"pseudonym"} for tag in tags)
    assert tags[0]["alias"] == {"redacted": "string"}
    assert at_home.rows("SELECT DISTINCT kind, field FROM drift") == []


@pytest.mark.slow
def test_a_token_without_the_scope_is_found_out_by_one_request(home):
    scopes = frozenset({"api:inverter:list", "api:account:read", "api:ev-charger:list"})
    at_home = home(ev_chargers=3, tokens=(TokenGrant(default_token(7), scopes=scopes),))
    report = at_home.refresh(COMMANDS, lists=LISTS)
    assert len(at_home.paths()) == 1
    assert report.failures == []
    assert "api:ev-charger:control" in report.unavailable[0]
    at_home.refresh_later(COMMANDS, lists=LISTS)
    assert len(at_home.paths()) == 1
    at_home.refresh(COMMANDS, lists=LISTS)
    assert at_home.paths() == []
    at_home.refresh(CONFIGURATION, lists=LISTS)
    assert at_home.paths() == []


@pytest.mark.slow
def test_a_command_whose_data_are_not_there_leaves_the_others_alone(home):
    at_home = home(ev_chargers=1)
    (uuid,) = at_home.simulator.charger_uuids
    at_home.simulator.set_listing("ev-command-data", f"{uuid}/setup-version", [])
    at_home.refresh(COMMANDS, lists=LISTS)
    report = at_home.refresh(CONFIGURATION, lists=LISTS)
    assert report.failures == []
    with at_home.session() as session:
        assert list(unavailable(session.lake)[CONFIGURATION.name]) == [f"{uuid} setup-version"]
    asked = len(at_home.paths())
    at_home.refresh_later(CONFIGURATION, lists=LISTS)
    assert len(at_home.paths()) == asked
    at_home.refresh(CONFIGURATION, lists=LISTS)
    assert len(at_home.paths()) == asked - 1
