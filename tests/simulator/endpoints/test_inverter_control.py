"""Settings and presets are lists to read; whatever reaches the device is a violation."""

import datetime as dt

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant
from tests.simulator.recorded_samples import ABSENT, leaves, sample

SERIAL = "XA0000G000"
READER = frozenset({"api:inverter:read", "api:inverter:data", "api:inverter:list"})


@pytest.fixture
def sim():
    config = SimulatorConfig(
        commissioned=dt.date(2022, 5, 10),
        clock=dt.datetime(2024, 7, 10, tzinfo=dt.UTC),
        tokens=(
            TokenGrant("all"),
            TokenGrant("reader", scopes=READER),
            TokenGrant("other", account=2),
        ),
    )
    with Simulator(config) as simulator:
        yield simulator


@pytest.mark.parametrize("name", ["settings", "presets"])
def test_lists_need_the_scope_and_violate_nothing(sim, ask, name):
    path = f"/inverter/{SERIAL}/{name}"
    assert ask(sim, path).json() == {"data": sim.truth_of(name, SERIAL)}
    assert ask(sim, path, token="reader").status_code == 403
    assert ask(sim, path, token="other").status_code == 403
    assert ask(sim, f"/inverter/XX/{name}").status_code == 404
    assert sim.commands_received == 0


def test_settings_show_the_contracts_kinds_of_rules(sim):
    rows = sim.truth_of("settings", SERIAL)
    ids = [row["id"] for row in rows]
    assert ids == sorted(set(ids))
    assert all(list(row) == ["id", "name", "validation", "validation_rules"] for row in rows)
    kinds = {rule.partition(":")[0] for row in rows for rule in row["validation_rules"]}
    assert kinds >= {"boolean", "date_format", "between", "in", "bitwise", "alpha", "writeonly"}


def test_reading_a_value_asks_the_device(sim, ask):
    values = {row["id"]: row["value"] for row in sim.truth_of("setting-values", SERIAL)}
    paths = []
    for row in sim.truth_of("settings", SERIAL):
        paths.append(f"/inverter/{SERIAL}/settings/{row['id']}/read")
        answer = ask(sim, paths[-1], "POST", json={"context": "x"}).json()["data"]
        if "writeonly" in row["validation_rules"]:
            assert (answer["value"], answer["success"]) == (-4, False)
        else:
            assert answer == {"value": values[row["id"]]}
    assert sim.commands_received == 0
    assert sim.device_reads == [f"POST /v1{path}" for path in paths]
    assert sim.stats()["device_reads"] == len(paths)
    assert ask(sim, f"/inverter/{SERIAL}/settings/9999/read", "POST").status_code == 404
    assert ask(sim, f"/inverter/{SERIAL}/settings/17/read").status_code == 405


def test_a_device_that_gives_no_value_gives_a_code(sim, ask):
    def read():
        return ask(sim, f"/inverter/{SERIAL}/settings/303/read", "POST").json()["data"]

    sim.set_setting(SERIAL, 303, 80)
    sim.set_device_state(SERIAL, -1, reads=1)
    failure = read()
    assert (failure["value"], failure["success"]) == (-1, False)
    assert failure["message"]
    assert read() == {"value": 80}
    sim.set_device_state(SERIAL, -2, says_so=False)
    assert read() == {"value": -2}
    sim.set_device_state(SERIAL, None)
    assert read() == {"value": 80}
    with pytest.raises(KeyError):
        sim.set_device_state("XX", -2)


def test_writes_are_commands(sim, ask):
    base = f"/inverter/{SERIAL}"
    written = ask(sim, f"{base}/settings/17/write", "POST", json={"value": True}).json()["data"]
    assert written == {"value": True, "success": True, "message": "Written Successfully"}
    assert ask(sim, f"{base}/settings/17/write", "POST", json={}).status_code == 422
    assert ask(sim, f"{base}/presets/0", "POST").json()["data"]["success"] is True
    assert ask(sim, f"{base}/presets/99", "POST").status_code == 404
    assert ask(sim, f"{base}/presets/0", "POST", token="reader").status_code == 403
    assert sim.commands_received == 5


def test_many_at_once(sim, ask):
    serials = [SERIAL, "XB0000G000", "XX"]
    body = {"inverter_serials": serials, "setting_id": 17}
    sim.set_setting(SERIAL, 17, True)
    read = ask(sim, "/multi-control/read", "POST", json=body).json()
    assert read == {
        SERIAL: {"response": True},
        "XB0000G000": {"response": -3},
        "XX": {"response": -3},
    }
    answer = ask(sim, "/multi-control/write", "POST", json=body)
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["value"])
    written = ask(sim, "/multi-control/write", "POST", json={**body, "value": 5}).json()
    assert written[SERIAL] == {"response": 5}
    assert sim.stats()["commands"] == [
        "POST /v1/multi-control/write",
        "POST /v1/multi-control/write",
    ]


def test_a_firmware_update_is_seen_in_devices_and_settings(sim, ask):
    def device():
        listed = ask(sim, "/communication-device?pageSize=100").json()["data"]
        return next(d["inverter"] for d in listed if (d["inverter"] or {}).get("serial") == SERIAL)

    before, settings = device(), sim.truth_of("settings", SERIAL)
    sim.update_firmware(SERIAL)
    after = device()
    assert after["firmware_version"]["ARM"] == before["firmware_version"]["ARM"] + 1
    assert sim.truth_of("settings", SERIAL)[:-1] == settings
    assert {k: v for k, v in after.items() if k != "firmware_version"} == {
        k: v for k, v in before.items() if k != "firmware_version"
    }


def test_a_replaced_battery_is_listed_by_device_and_gateway(sim, ask):
    def batteries(serial):
        datalog = f"/communication-device/W{serial[1:]}"
        connections = ask(sim, datalog).json()["data"]["inverter"]["connections"]
        return [(b["module_number"], b["serial"]) for b in connections["batteries"]]

    house, gateway = "XA0000G001", "XA0000G002"
    points = sim.truth(house, "2024-07-01")
    assert batteries(house) == [(1, "BA0000G001")]
    assert batteries(gateway) == [(1, "BA0000G002"), (1, "BA0000G001")]
    sim.replace_battery(house)
    assert batteries(house) == [(1, "BA0000G001N1")]
    assert batteries(gateway) == [(1, "BA0000G002"), (1, "BA0000G001N1")]
    sim.replace_battery(house)
    assert batteries(house) == [(1, "BA0000G001N2")]
    assert sim.truth(house, "2024-07-01") == points
    with pytest.raises(KeyError, match="XX"):
        sim.replace_battery("XX")


@ABSENT
def test_same_leaves_and_types_as_recorded(sim, ask):
    shown = ask(sim, f"/inverter/{SERIAL}/settings").json()
    assert leaves(shown) == leaves(sample("inverter_settings.json"))
