"""Communication devices: what is behind them, each thing with its history."""

import copy
import json

import pytest

from assets.communication_devices import DATASET
from assets.framework.contract.devices import DeviceKind
from tests.support.api_examples import example, needs_shared, recorded
from tests.support.simulated_home import decode, leaves, rows_of

BATTERY = {
    "module_number": 1,
    "serial": "B1",
    "firmware_version": 3012,
    "capacity": {"full": 160.5, "design": 170},
    "cell_count": 16,
    "has_usb": False,
    "nominal_voltage": 51.2,
}
METER = {
    "address": 1,
    "serial_number": 20000001,
    "manufacturer_code": "0007",
    "type_code": 277,
    "hardware_version": 1,
    "software_version": "2",
    "baud_rate": 9600,
}
DEVICE = {
    "serial_number": "W1",
    "firmware_version": None,
    "type": "WIFI",
    "commission_date": "2024-01-02T00:00:00Z",
    "inverter": {
        "serial": "X1",
        "status": "Normal",
        "last_online": "2025-07-01T10:00:00Z",
        "last_updated": "2025-07-01T10:05:00Z",
        "commission_date": "2024-01-01T00:00:00Z",
        "info": {
            "battery_type": "LITHIUM",
            "battery": {
                "nominal_capacity": 160,
                "nominal_voltage": 51.2,
                "depth_of_discharge": 0.85,
            },
            "model": "GIV-HY3.6",
            "max_charge_rate": 3600,
            "max_discharge_rate": 3500,
        },
        "warranty": {"type": "Standard", "expiry_date": "2036-01-01T00:00:00Z"},
        "firmware_version": {"ARM": 616, "DSP": "617"},
        "connections": {"batteries": [BATTERY], "meters": [METER]},
        "flags": ["full-power-discharge-in-eco-mode"],
    },
    "site_id": 7,
}


def changed(**changes):
    """Make the device with changes, named by their path with double underscores."""
    made = copy.deepcopy(DEVICE)
    for path, value in changes.items():
        *parents, leaf = path.split("__")
        target = made
        for parent in parents:
            target = target[parent]
        target[leaf] = value
    return made


def listed(*devices):
    return decode(DATASET, {"data": list(devices)})


def one(decoded, table):
    (row,) = rows_of(decoded, table)
    return row


def test_each_leaf_is_in_a_column():
    decoded = listed(DEVICE)
    inverter = one(decoded, "inverters")
    assert one(decoded, "communication_devices")["type"] == "WIFI"
    assert (inverter["status"], inverter["status_name"]) == ("Normal", "NORMAL")
    assert (inverter["firmware_arm"], inverter["firmware_dsp"]) == ("616", "617")
    assert (inverter["max_charge_rate_w"], inverter["max_discharge_rate_w"]) == (3600.0, 3500.0)
    assert inverter["flags"] == ["full-power-discharge-in-eco-mode"]
    assert one(decoded, "batteries") == {
        "battery_id": "B1",
        "serial_number": "B1",
        "inverter_serial": "X1",
        "module_number": 1,
        "firmware_version": "3012",
        "capacity_full_ah": 160.5,
        "capacity_design_ah": 170.0,
        "cell_count": 16,
        "has_usb": False,
        "nominal_voltage_v": 51.2,
    }
    assert one(decoded, "inverter_meters") == {
        "inverter_serial": "X1",
        "address": 1,
        "serial_number": "20000001",
        "manufacturer_code": "0007",
        "type_code": "277",
        "hardware_version": "1",
        "software_version": "2",
        "baud_rate": 9600,
    }
    assert decoded.quarantine.num_rows == 0
    assert decoded.drift == []


@pytest.mark.parametrize("inverter", [None, {}, []])
def test_a_device_without_an_inverter_stays(inverter):
    decoded = listed(changed(inverter=inverter))
    assert one(decoded, "communication_devices")["inverter_serial"] is None
    assert decoded.tables["inverters"].num_rows == 0


@pytest.mark.parametrize(
    ("changes", "serials"),
    [
        ({"serial_number": None}, ("X1", "X1")),
        ({"inverter__serial": None}, ("W1", "behind W1")),
    ],
)
def test_missing_serials_are_bridged(changes, serials):
    decoded = listed(changed(**changes))
    found = one(decoded, "communication_devices")["communication_device_serial"]
    assert (found, one(decoded, "inverters")["inverter_serial"]) == serials


def test_a_battery_without_a_serial_is_named_by_its_place():
    batteries = [{**BATTERY, "serial": None, "module_number": n} for n in (1, None)]
    decoded = listed(changed(inverter__connections={"batteries": batteries}))
    found = [row["battery_id"] for row in rows_of(decoded, "batteries")]
    assert found == ["X1 module 1", "X1 module 2"]


def test_a_gateway_counts_no_battery_twice_but_its_own():
    gateway = changed(serial_number="W2", inverter__serial="X2", inverter__info__model="Gateway")
    gateway["inverter"]["connections"]["batteries"] = [BATTERY, {**BATTERY, "serial": "B9"}]
    decoded = listed(gateway, DEVICE)
    found = {row["battery_id"]: row["inverter_serial"] for row in rows_of(decoded, "batteries")}
    assert found == {"B1": "X1", "B9": "X2"}


def test_other_content_than_documented_is_kept_or_quarantined():
    odd = changed(inverter__info__battery={}, inverter__connections=[], colour="red")
    decoded = listed(odd, changed(serial_number="W3", inverter="none"))
    assert one(decoded, "inverters")["extra_fields"] == '{"colour":"red"}'
    (aside,) = decoded.quarantine.to_pylist()
    assert (aside["reason"], aside["column"], aside["row_index"], aside["is_row_kept"]) == (
        "not_decodable",
        "inverter",
        1,
        True,
    )
    # What it hides may still be there.
    assert decoded.listings == []


def accounted(decoded):
    """List every value of all tables as text."""
    values = set()
    for table in decoded.tables.values():
        for row in table.to_pylist():
            for value in row.values():
                items = value if isinstance(value, list) else [value]
                values.update(
                    f"{item:%Y-%m-%dT%H:%M:%SZ}" if hasattr(item, "tzinfo") else _text(item)
                    for item in items
                )
    return values


def _text(value):
    return str(float(value)) if isinstance(value, int | float) else str(value)


@needs_shared
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda: example("Get Your Communication Devices"), id="documented"),
        pytest.param(lambda: example("Get Account Dongles by ID"), id="dongles"),
        pytest.param(lambda: recorded("communication_devices"), id="recorded"),
        pytest.param(lambda: recorded("communication_devices_gateway"), id="gateway"),
    ],
)
def test_every_leaf_of_examples_and_recordings_lands(answer):
    """Serials are masked in the recordings: of things with equal ones the last stands."""
    whole = answer()
    for element in whole["data"]:
        decoded = decode(DATASET, {"data": [element]})
        assert decoded.quarantine.num_rows == 0
        values = accounted(decoded)
        datalog = (element["inverter"]["connections"] or {}).pop("datalog", None)
        assert json.loads(one(decoded, "inverters")["datalog"] or "null") == datalog
        missing = [
            (path, value)
            for path, value in leaves(element)
            if value is not None and _text(value) not in values and str(value) not in values
        ]
        assert missing == []


@pytest.mark.parametrize("sent", [1700000000, True, {}, ["2024-01-01"], "yesterday", "9999-12-31"])
def test_a_date_that_is_none_does_not_cost_the_device(sent):
    device = copy.deepcopy(DEVICE)
    device["commission_date"] = sent
    device["inverter"] |= {"last_online": sent, "last_updated": sent, "commission_date": sent}
    decoded = decode(DATASET, {"data": [device]})
    (inverter,) = rows_of(decoded, "inverters")
    assert inverter["inverter_serial"] == "X1"
    for name in ("last_online_at", "last_updated_at", "commissioned_at"):
        assert inverter[name] is None
    assert json.loads(inverter["extra_fields"])["inverter.commission_date"] == sent
    assert "commission_date" in {drift.field for drift in decoded.drift}


def test_items_have_a_version_for_each_change(home):
    home = home(inverters=2, commissioned=None)
    serial = home.simulator.serials[0]
    home.refresh(DATASET)
    home.refresh(DATASET)
    assert len(home.rows("FROM inverters")) == len(home.rows("FROM batteries")) == 2
    (old,) = home.rows(f"FROM batteries WHERE inverter_serial = '{serial}'")

    home.simulator.replace_battery(serial)
    home.simulator.update_firmware(serial)
    home.refresh(DATASET)
    before, after = home.rows(
        f"FROM batteries WHERE inverter_serial = '{serial}' ORDER BY valid_from"
    )
    assert before["battery_id"] == old["battery_id"] != after["battery_id"]
    assert before["valid_to"] == after["valid_from"]
    assert after["valid_to"] is None
    versions = home.rows(f"FROM inverters WHERE inverter_serial = '{serial}' ORDER BY valid_from")
    assert len({row["firmware_arm"] for row in versions}) == len(versions) == 2
    assert versions[0]["valid_to"] == versions[1]["valid_from"]
    assert len(home.rows("FROM inverters_now")) == 2


@pytest.mark.slow
def test_an_ems_is_distinguished_from_an_inverter(home):
    home = home(inverters=2, ems=1)
    devices = home.devices(DATASET)
    assert [d.device_id for d in devices[DeviceKind.INVERTER]] == sorted(home.simulator.serials)
    assert [d.device_id for d in devices[DeviceKind.EMS]] == list(home.simulator.ems_serials)
    (row,) = home.rows(
        "SELECT model, status FROM inverters_now"
        f" WHERE inverter_serial = '{home.simulator.ems_serials[0]}'"
    )
    assert row == {"model": "Plant EMS", "status": "NORMAL"}


@pytest.mark.slow
def test_devices_without_an_inverter_are_listed_and_nothing_is_requested_of_them(home):
    home = home(inverters=1, odd_devices=True)
    devices = home.devices(DATASET)
    assert [d.device_id for d in devices[DeviceKind.INVERTER]] == home.simulator.serials
    listed = home.rows("SELECT inverter_serial FROM communication_devices_now ORDER BY ALL")
    assert [row["inverter_serial"] for row in listed] == [*home.simulator.serials, None, None]
    assert len(home.rows("FROM inverters")) == 1


@pytest.mark.slow
def test_serial_numbers_of_meters_are_integers_or_text_and_kept_as_text(home):
    home = home(inverters=4)
    home.refresh(DATASET)
    account = str(home.simulator.account["id"])
    sent = [
        device["inverter"]["connections"]["meters"][0]["serial_number"]
        for device in home.simulator.truth_of("communication-device", account)
    ]
    assert {type(serial) for serial in sent} == {int, str}
    rows = home.rows("SELECT serial_number FROM inverter_meters_now")
    assert {row["serial_number"] for row in rows} == set(map(str, sent))
