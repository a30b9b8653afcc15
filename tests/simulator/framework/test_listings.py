"""Rows behind the endpoints by name: replaced and changed, here and from another process."""

import datetime as dt

import pytest

from simulator import Simulator, SimulatorConfig
from simulator.command_line import main
from simulator.control import Control, ControlError

SERIAL = "XA0000G000"
NOW = dt.datetime(2024, 7, 10, 12, 10, tzinfo=dt.UTC)
FLOW_REQUEST = {"start_time": "2024-07-03", "end_time": "2024-07-04", "grouping": 0}


@pytest.fixture
def sim():
    with Simulator(SimulatorConfig(clock=NOW, ems=1)) as simulator:
        yield simulator


@pytest.fixture
def control(sim):
    return Control(sim.base_url)


def test_truth_of_from_another_process(sim, control):
    flows = control.truth_of("energy-flows", SERIAL, **FLOW_REQUEST, types=[3])
    assert flows == sim.truth_of("energy-flows", SERIAL, **FLOW_REQUEST, types=[3])
    assert [list(row["data"]) for row in flows] == [["3"]] * len(flows)
    assert control.truth_of("events", SERIAL, cleared=1) == sim.truth_of(
        "events", SERIAL, cleared="1"
    )
    assert control.about()["ems_serials"] == sim.ems_serials
    assert control.truth_of("ems-system-data", sim.ems_serials[0])[0]["status"] in (1, 2)


@pytest.mark.parametrize(
    ("listing", "device", "parameters", "text"),
    [
        ("flows", SERIAL, FLOW_REQUEST, "flows"),
        ("energy-flows", "XX", FLOW_REQUEST, "XX"),
        ("energy-flows", SERIAL, {**FLOW_REQUEST, "grouping": 9}, "invalid"),
    ],
)
def test_invalid_parameters_are_named(control, listing, device, parameters, text):
    with pytest.raises(ControlError, match=text):
        control.truth_of(listing, device, **parameters)


def test_devices_change_from_another_process(sim, control, ask):
    def inverter():
        return ask(sim, f"/communication-device/W{SERIAL[1:]}").json()["data"]["inverter"]

    before = inverter()
    control.replace_battery(SERIAL)
    control.update_firmware(SERIAL)
    after = inverter()
    assert before["connections"]["batteries"][0]["serial"] == "BA0000G000"
    assert after["connections"]["batteries"][0]["serial"] == "BA0000G000N1"
    assert after["firmware_version"]["ARM"] - before["firmware_version"]["ARM"] == 1


@pytest.mark.parametrize("listing", ["events", "settings", "presets", "meter-data"])
def test_every_listing_can_be_replaced_and_given_back(sim, control, listing):
    before = sim.truth_of(listing, SERIAL)
    given = [{"start_time": "2024-07-01T00:00:00Z", "end_time": None}]
    control.set_listing(listing, SERIAL, given)
    assert sim.truth_of(listing, SERIAL) == given
    assert sim.truth_of(listing, sim.serials[1]) != given
    control.set_listing(listing, SERIAL, None)
    assert sim.truth_of(listing, SERIAL) == before


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"flows_as": "list"}, "object or array"),
        ({"flows_max_days": 0}, "1 day or more"),
        ({"flow_gap_rate": 2}, "0 to 1"),
        ({"events_cleared_means": "all"}, "adds or filters or ignored"),
        ({"ems": -1}, "0 to 100"),
        ({"meter_rows_every_s": 0}, "1 s or more"),
        ({"anomalies": {"flow_keys": 1}}, "flow_keys_unsorted"),
    ],
)
def test_bad_settings_say_what_they_may_be(settings, text):
    with pytest.raises(ValueError, match=text):
        SimulatorConfig(**settings)


def test_settings_on_the_command_line(capsys):
    assert main(["--flows-max-days", "0"]) == 2
    assert "longest range of flows is 0" in capsys.readouterr().err
    assert main(["--cleared-means", "all"]) == 2
    assert "ignored" in capsys.readouterr().err
