"""The code tables against the contract's own text, both ways."""

import os
import re
from pathlib import Path

import pytest

from givenergy.codes import (
    CodeTableError,
    all_codes,
    charger_modes,
    codes_with_flag,
    domain,
    loader,
    measurand_units,
    observed_codes,
    unit_conversions,
)

SHARED = Path(os.environ.get("GIVLAKE_SHARED", Path(__file__).parents[3] / "shared"))
CONTRACT = SHARED / "api" / "givenergy-api-v1.26.txt"
needs_contract = pytest.mark.skipif(not CONTRACT.exists(), reason="the shared material is not here")

# Where each table begins, in which column its codes stand and in which their names (None: the
# code is the only name), and how many there are.
TABLES = {
    "inverter_status": ("with every data point and indicates", 0, 0, 8),
    "ems_status": ("EMS Status\nThe status of the EMS", 0, 1, 6),
    "ems_inverter_status": ("with every inverter and indicates", 0, 1, 7),
    "ems_meter_status": ("Meter Statuses\n", 0, 1, 3),
    "ems_meter_type": ("Meter Types\n", 0, 1, 4),
    "ev_charger_status": ("EV Charger Status\n", 0, 0, 9),
    "ev_meter": ("use the following meter IDs", 0, 1, 4),
    "measurand": ("Measurands\nA 'measurand'", 0, 1, 22),
    "unit": ("Units of measure\nEach", 0, 1, 16),
    "charger_mode": ("EV Charger Modes\n", 0, 1, 4),
    "installation_mode": ("Installation Modes\n", 0, 1, 3),
    "configuration_mode": ("Configuration Modes\n", 0, 1, 5),
    "command_response": ("Send Command Response\n", 0, 1, 6),
    "ocpp_error": ("Charger Error\nThe charger", 0, 0, 10),
    "stop_reason": ("Stop Reasons\nWhen", 0, 0, 11),
    "flow_grouping": ("Grouping IDs\n", 0, 1, 5),
    "flow_type": ("Type IDs\n", 0, 1, 7),
    "remote_control": ("Remote Control Codes\n", 0, None, 6),
    "response_code": ("Response Codes\nThe GivEnergy", 0, None, 12),
    "inverter_flag": ("Inverter Flags\nWhen", 0, 0, 1),
    "notification_platform": ("Notification Platform\n", 0, 0, 2),
    "site_status": ("Site Status\nThe site's", 0, 1, 3),
}
SEEN_ONLY = {("inverter_flag", "is-controllable")}
# What version 1.53 adds to each domain.
ADDED = {
    "inverter_status": ["OFF_GRID", "ON_GRID"],
    "health_status": ["ok", "warning", "error"],
    "remote_control": ["-7"],
    "pause_battery_mode": ["0", "1", "2", "3"],
    "charger_command": [
        "read-cp-voltage-and-duty-cycle",
        "adjust-cp-voltage-range",
        "adjust-suspended-state-wait-timeout",
    ],
    "charger_mode": ["EcoPlus"],
    "response_code": ["402"],
}
# The codes of each domain in version 1.53; numbers as text.
OF_VERSION_1_53 = {
    "inverter_status": "NORMAL WAITING LOST UNKNOWN ERROR WARNING UPDATING BYPASS OFF_GRID ON_GRID",
    "ems_status": "0 1 2 3 4 5",
    "ems_inverter_status": "0 1 2 3 4 5 7",
    "ems_meter_status": "0 1 2",
    "ems_meter_type": "0 1 2 3",
    "health_status": "ok warning error",
    "remote_control": "-1 -2 -3 -4 -5 -6 -7",
    "pause_battery_mode": "0 1 2 3",
    "charger_mode": "SuperEco Eco Boost ModbusSlave EcoPlus",
    "configuration_mode": "A B C D E",
    "site_status": "vacant opted_in opted_out",
    "charger_command": "start-charge stop-charge adjust-charge-power-limit set-plug-and-go"
    " set-session-energy-limit set-schedule unlock-connector delete-charging-profile change-mode"
    " restart-charger change-randomised-delay-duration add-id-tags delete-id-tags rename-id-tag"
    " installation-mode setup-version set-active-schedule set-max-import-capacity"
    " enable-front-panel-led configure-inverter-control perform-factory-reset configuration-mode"
    " enable-local-control read-cp-voltage-and-duty-cycle adjust-cp-voltage-range"
    " adjust-suspended-state-wait-timeout",
}
SEEN_DOMAINS = {
    "account_role",
    "communication_device_type",
    "battery_type",
    "site_type",
}


def contract():
    return CONTRACT.read_text()


def table_after(text, heading):
    """The rows of the first table after a heading; a row may be broken over lines."""
    assert text.count(heading) == 1, heading
    lines = iter(text[text.index(heading) :].splitlines())
    rule = next(line for line in lines if re.fullmatch(r"(---\|)+", line))
    columns = rule.count("|")
    rows, begun = [], ""
    for line in lines:
        begun = f"{begun} {line}".strip()
        cells = [cell.strip() for cell in begun.split("|")]
        if len(cells) == 1:
            return rows
        if len(cells) > columns or (len(cells) == columns and cells[-1]):
            rows.append(cells[:columns])
            begun = ""
    return rows


def documented(name, since="1.26"):
    """Return the codes that the documentation of a version added."""
    return [code for code in domain(name) if code.since == since and code not in observed_codes()]


@needs_contract
@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_the_contracts_codes_and_names(name):
    heading, code_column, name_column, count = TABLES[name]
    rows = table_after(contract(), heading)
    codes = documented(name)
    assert [code.code for code in codes] == [row[code_column] for row in rows]
    assert len(codes) == count
    if name_column is not None:
        assert [code.name for code in codes] == [row[name_column] for row in rows]


@needs_contract
def test_every_table_of_the_contract_with_codes_is_here():
    """What is left is tables of rules, data types, fields and headers."""
    first = {table_after(contract(), heading)[0][0] for heading, *_ in TABLES.values()}
    heads = re.findall(r"^(.*\|)\n(?:---\|)+\n([^|\n]*)", contract(), re.MULTILINE)
    left = {head.split(" | ")[0] for head, begin in heads if begin.strip() not in first}
    assert left == {"Property", "Name", "Type", "Header", "Key", "Export Power (A)"}


@needs_contract
def test_the_commands_are_those_of_the_contract():
    text = contract()
    section = text[text.index("start-charge\nInstructs") : text.index("Send Command Response")]
    heads = list(re.finditer(r"^([a-z]+(?:-[a-z]+)+)\n(?:Deprecated\n)?[A-Z]", section, re.M))
    assert [code.code for code in documented("charger_command")] == [h.group(1) for h in heads]
    assert len(heads) == 23
    ends = [*(h.start() for h in heads[1:]), len(section)]
    empty = {
        head.group(1)
        for head, end in zip(heads, ends, strict=True)
        if re.search(r"Command Data\n(null|\[\])\s*\Z", section[head.start() : end])
    }
    assert empty == codes_with_flag("charger_command", "without_data")


@needs_contract
def test_codes_that_stand_in_sentences():
    text = contract()
    tags = re.findall(r"the value will be ([A-Z_]+)\n", text)
    assert [code.code for code in documented("id_tag")] == tags
    assert "Can be either A or W" in text
    assert [code.code for code in documented("charger_power_limit_unit")] == ["A", "W"]
    assert "From 0 (Monday) to 6 (Sunday)" in text
    days = documented("schedule_day")
    assert [code.code for code in days] == list("0123456")
    assert (days[0].name, days[-1].name, len({day.name for day in days})) == ("Monday", "Sunday", 7)


@needs_contract
def test_facts_beside_the_codes():
    text = contract()
    modes = {
        row[0]: tuple(row[3].split(", ")) for row in table_after(text, "Configuration Modes\n")
    }
    assert modes == charger_modes("configuration_mode")
    modes = {row[0]: tuple(row[3].split()) for row in table_after(text, "Installation Modes\n")}
    assert modes == charger_modes("installation_mode")
    perhaps = {row[0] for row in table_after(text, "Remote Control Codes\n") if row[2] == "Yes"}
    assert perhaps == codes_with_flag("remote_control", "may_have_worked")
    for row in table_after(text, "Measurands\nA 'measurand'"):
        pair = re.search(r"\((\w+) or k(\w+)\)", row[2])
        if pair:
            assert measurand_units()[row[0]] == pair.group(1) == pair.group(2)


@needs_contract
def test_what_is_only_seen_is_marked_and_seen():
    marked = {(code.domain, code.code) for code in observed_codes()}
    assert {pair for pair in marked if pair[0] not in SEEN_DOMAINS} == SEEN_ONLY
    text = contract()
    assert set(re.findall(r'"role": "(\w+)"', text)) == {c.code for c in domain("account_role")}
    types = {c.code for c in (*domain("communication_device_type"), *domain("site_type"))}
    assert set(re.findall(r'"type": "([A-Z_]+)"', text)) == types
    batteries = {c.code for c in domain("battery_type")}
    assert set(re.findall(r'"battery_type": "(\w+)"', text)) == {"LITHIUM"} < batteries


@needs_contract
def test_no_description_is_the_contracts():
    def plain(words):
        return re.sub(r"\W+", " ", words).strip().casefold()

    text = contract()
    theirs = {plain(part) for part in re.split(r"[\n|.]", text)} | set(map(plain, text.split("\n")))
    assert {code.description for code in all_codes() if plain(code.description) in theirs} == set()


def test_every_domain_is_tested_and_every_code_once():
    others = {"charger_command", "id_tag", "charger_power_limit_unit", "schedule_day"}
    assert {code.domain for code in all_codes()} == {*TABLES, *others, *SEEN_DOMAINS, *ADDED}
    assert len({(code.domain, code.code.upper()) for code in all_codes()}) == len(all_codes())
    for code in all_codes():
        assert code.name, code
        assert code.description.endswith("."), code
    assert domain("nothing") == ()


def test_codes_that_version_1_53_added():
    domains = {code.domain for code in all_codes()}
    added = {name: [code.code for code in documented(name, since="1.53")] for name in domains}
    assert {name: codes for name, codes in added.items() if codes} == ADDED
    assert {code.since for code in all_codes()} == {"1.26", "1.53"}


def test_version_1_53_has_these_codes_of_each_domain():
    """What it has in common with version 1.26 and what it adds."""
    assert {name: [code.code for code in domain(name)] for name in OF_VERSION_1_53} == {
        name: codes.split() for name, codes in OF_VERSION_1_53.items()
    }


def test_units_are_brought_to_one():
    assert unit_conversions().keys() == {code.code for code in domain("unit")}
    assert measurand_units().keys() == {code.code for code in domain("measurand")}

    def normalised(unit, value):
        by = unit_conversions()[unit]
        return round(value * by.factor + by.offset, 9), by.unit

    codes = {code.name: code.code for code in domain("unit")}
    for name, value, expected in [
        ("Wh", 7.2, (7.2, "Wh")),
        ("kWh", 7.2, (7200.0, "Wh")),
        ("kvarh", 0.5, (500.0, "varh")),
        ("kW", 1.145, (1145.0, "W")),
        ("kVA", 2, (2000.0, "VA")),
        ("kvar", 2, (2000.0, "var")),
        ("A", 16, (16.0, "A")),
        ("V", 230.5, (230.5, "V")),
        ("Celsius", 21, (21.0, "°C")),
        ("Fahrenheit", 212, (100.0, "°C")),
        ("Fahrenheit", -40, (-40.0, "°C")),
        ("K", 273.15, (0.0, "°C")),
        ("Percent", 80, (80.0, "%")),
    ]:
        assert normalised(codes[name], value) == expected, name
    # Whatever a value comes in, its measurand's unit is one that units come to.
    reachable = {by.unit for by in unit_conversions().values()}
    assert {*measurand_units().values()} - reachable == {None, "Hz", "rpm"}


def test_the_values_that_no_contract_has():
    """Some of them, so that a slip in a file is noticed where the contract is not at hand."""
    assert len(all_codes()) == 213
    assert len(observed_codes()) == 10
    assert codes_with_flag("remote_control", "may_have_worked") == {"-1", "-5", "-6"}
    assert charger_modes("installation_mode")["ct_meter"] == ("Boost", "Eco", "EcoPlus")
    assert measurand_units()["14"] is None
    assert measurand_units()["20"] == "°C"
    assert unit_conversions()["13"] == ("°C", 5 / 9, -160 / 9)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("codes.csv", "domain,code", "domain,key", "codes.csv, line 1: the columns must be"),
        ("codes.csv", ",1.26,", ",1.27,", "line 2: since is '1.27', expected one of 1.26, 1.35"),
        ("codes.csv", ",documented", ",guessed", "line 2: source is 'guessed', expected one of"),
        (
            "codes.csv",
            "inverter_status,NORMAL,",
            "inverter_status,,",
            "line 2: code is empty",
        ),
        ("codes.csv", "_status,WAITING", "_status,normal", "line 3: duplicate of an earlier"),
        ("codes.csv", ",documented", "", "codes.csv, line 2: 5 fields, expected 6"),
        ("unit_conversions.csv", "5/9", "5/0", "line 15: factor is '5/0', expected a number"),
        ("measurand_units.csv", "21,V", "22,V", "line 23: codes.csv has no code '22' in the"),
        ("code_flags.csv", "without_data", "x", "code_flags.csv, line 2: flag is 'x'"),
        ("charger_modes.csv", "Boost", "boost", "line 2: codes.csv has no code 'boost' in"),
    ],
)
def test_an_invalid_file_is_reported_with_its_line(tmp_path, monkeypatch, file, old, new, says):
    for source in loader.FOLDER.glob("*.csv"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    text = (tmp_path / file).read_text(encoding="utf-8")
    (tmp_path / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    tables = (
        loader._codes,
        loader._code_keys,
        codes_with_flag,
        charger_modes,
        measurand_units,
        unit_conversions,
    )
    monkeypatch.setattr(loader, "FOLDER", tmp_path)
    for table in tables:
        table.cache_clear()
    try:
        with pytest.raises(CodeTableError, match=re.escape(says)):
            read_all()
    finally:
        for table in tables:
            table.cache_clear()


def read_all():
    all_codes()
    codes_with_flag("charger_command", "without_data")
    charger_modes("configuration_mode")
    measurand_units()
    unit_conversions()
