"""The allow-list: as the contract has it, complete, and nothing that writes or commands."""

import datetime as dt
import json
import os
import re
from pathlib import Path

import pytest

from givenergy.endpoints import ENDPOINTS
from givenergy.endpoints.account_endpoints import SITE_STATUS
from givenergy.endpoints.charger_endpoints import EV_CHARGER_COMMAND_DATA, EV_METER_DATA
from simulator import Simulator, SimulatorConfig
from simulator.api import Router

SHARED = Path(os.environ.get("GIVLAKE_SHARED", Path(__file__).parents[3] / "shared"))
CONTRACT = SHARED / "api" / "givenergy-api-v1.26.txt"
needs_contract = pytest.mark.skipif(not CONTRACT.exists(), reason="the shared material is not here")
NOW = dt.datetime(2025, 6, 3, 12, tzinfo=dt.UTC)
# What the allow-list leaves out of what the contract offers, and why.
LEFT_OUT = {
    "GET account/search/qkunze": "the user name would stand in the path",
    "GET account-children/1234": "repeats the list",
    "GET communication-device/consequatur": "repeats the list's row",
    "GET site/17": "repeats the list's row",
    "GET smart-device/66529e01-d113-3473-8d6f-9e11e09332ea": "repeats the list's row",
    "GET inverter/CE1234G567/request-data": "commands",
    "POST ev-charger/66529e01-d113-3473-8d6f-9e11e09332ea/commands/setup-version": "commands",
    "POST inverter/CE1234G567/presets/consequatur": "writes",
    "POST inverter/CE1234G567/settings/17/write": "writes",
    "POST multi-control/write": "writes",
    "POST site/17/status": "writes",
    "POST smart-device": "writes",
    "POST smart-device/66529e01-d113-3473-8d6f-9e11e09332ea/data": "writes",
}


def offered():
    """Of each request that the contract describes: method, path, query, scopes, account type."""
    text = CONTRACT.read_text()
    head = r"requires authentication\s+account type: (.+?)\s+scopes?: (.*?)(?:\n| (?=rate))"
    example = (
        r'curl --request (\w+) \\\n(?:--get )?"https://api.givenergy.cloud/v1/([^"?]*)(\?[^"]*)?"'
    )
    for found in re.finditer(f"{head}.*?{example}", text, re.DOTALL):
        account_type, scopes, method, path, query = found.groups()
        yield method, path, query or "", scopes.replace(",", "").split(), account_type


def matches(endpoint, method, path):
    pattern = re.sub(r"\{\w+\}", "[^/]+", endpoint.path.lstrip("/"))
    return endpoint.method == method and re.fullmatch(pattern, path)


@needs_contract
def test_every_request_of_the_contract_is_allowed_or_left_out_for_a_reason():
    requests = list(offered())
    assert len(requests) == CONTRACT.read_text().count("curl --request")
    left_out, allowed = set(), set()
    for method, path, *_ in requests:
        found = [e.name for e in ENDPOINTS.values() if matches(e, method, path)]
        # A site's status has the path of reading and of writing, and two methods.
        if found:
            allowed.update(found)
        else:
            left_out.add(f"{method} {path}")
    assert left_out == LEFT_OUT.keys()
    later = {endpoint.name for endpoint in ENDPOINTS.values() if endpoint.is_later}
    assert ENDPOINTS.keys() - allowed == later
    assert "inverter_grid_meter_readings" in later


@needs_contract
def test_scopes_account_types_and_paging_are_those_of_the_contract():
    types = {"any": "any", "engineer+": "engineer or above", "customer only": "customer"}
    for method, path, query, scopes, account_type in offered():
        for endpoint in ENDPOINTS.values():
            if not matches(endpoint, method, path):
                continue
            assert endpoint.scope.split() == scopes, endpoint.name
            if endpoint is not SITE_STATUS:
                assert endpoint.account_type == types[account_type], endpoint.name
            assert (endpoint.page_size is not None) == ("page=" in query), endpoint.name


def test_nothing_on_the_list_writes_or_commands_but_a_notification_to_the_owner():
    router = Router()
    for endpoint in ENDPOINTS.values():
        path = re.sub(r"\{\w+\}", "x", endpoint.path)
        served, _ = router.find(endpoint.method, f"/v1{path}")
        # To the simulator whatever changes or commands something does not "read".
        assert served.reads, endpoint.name
        assert endpoint.reads == (endpoint.name != "notification_send")
        assert endpoint.asks_device == served.asks_device, endpoint.name
        assert served.own_limit == (endpoint.limit and (endpoint.limit.requests, 3600.0))
        assert served.scopes == set(endpoint.scope.split()), endpoint.name


def test_exactly_two_paths_ask_a_device_and_each_post_is_known():
    asking = {(each.method, each.path) for each in ENDPOINTS.values() if each.asks_device}
    assert asking == {
        ("POST", "/inverter/{inverter}/settings/{setting}/read"),
        ("POST", "/multi-control/read"),
    }
    others = {each.path for each in ENDPOINTS.values() if each.method != "GET"}
    assert others - {path for _, path in asking} == {
        "/inverter/{inverter}/energy-flows",
        "/notification/send",
    }


def test_every_endpoint_is_on_the_list_once():
    assert [name for name, each in ENDPOINTS.items() if name != each.name] == []
    requests = {(each.method, each.path) for each in ENDPOINTS.values()}
    assert len(requests) == len(ENDPOINTS)


@pytest.fixture(scope="module")
def house():
    """An engineer with one of everything."""
    config = SimulatorConfig(
        seed=7,
        rows_per_day=20,
        rate_limit=100_000,
        clock=NOW,
        commissioned=dt.date(2025, 5, 1),
        inverters=2,
        ems=1,
        account_type="engineer",
        children=1,
        site_status_approved=True,
    )
    with Simulator(config) as sim:
        yield sim


@pytest.fixture(scope="module")
def garage():
    """A customer with chargers and smart devices."""
    config = SimulatorConfig(
        seed=7,
        rate_limit=100_000,
        clock=NOW,
        commissioned=dt.date(2025, 5, 1),
        ev_chargers=2,
        smart_devices=1,
    )
    with Simulator(config) as sim:
        yield sim


def rows(fetched):
    assert fetched.complete
    return [row for page in fetched.pages for row in json.loads(page.body)["data"]]


def thing(fetched):
    assert fetched.complete
    assert [page.rows for page in fetched.pages] == [None]
    return json.loads(fetched.pages[0].body)["data"]


def test_an_account_and_its_items_are_read(house, open_client):
    client = open_client(house)

    def get(name, **path):
        return client.fetch(ENDPOINTS[name], path=path)

    account = thing(get("account"))
    (child,) = rows(get("account_children"))
    assert thing(get("account_by_id", account=str(child["id"]))) == child
    assert child.keys() == account.keys()
    assert child["surname"] == {"redacted": "string"}
    assert child["role"]
    of_child = rows(get("account_devices", account=str(child["id"])))
    assert all(device["serial_number"] for device in of_child)
    assert rows(get("communication_devices"))
    for site in rows(get("sites")):
        assert site["account"] == site["name"] == {"redacted": "string"}
        assert site["latitude"] == {"redacted": "number"}
        assert site["tz_timezone"] == account["standard_timezone"]
        (page,) = get("site_status", site=str(site["id"])).pages
        assert json.loads(page.body).keys() == {"status"}


def test_an_inverter_and_an_ems_are_read(house, open_client):
    client = open_client(house)
    serial = house.serials[0]

    def get(name, **query):
        return client.fetch(ENDPOINTS[name], path={"inverter": serial}, query=query)

    assert thing(get("inverter_system_readings")) == house.truth_of("system-data", serial)[0]
    assert thing(get("inverter_meter_readings")) == house.truth_of("meter-data", serial)[0]
    events = rows(get("inverter_events", cleared=1))
    assert events == house.truth_of("events", serial, cleared="1")
    meters = get(
        "inverter_grid_meter_readings",
        address=1,
        start_time="2025-06-01",
        end_time="2025-06-02",
    )
    assert rows(meters)
    assert rows(get("inverter_setting_definitions"))
    (eco, *_) = rows(get("inverter_presets"))
    path = {"inverter": serial, "preset": eco["identifier"]}
    values = thing(client.fetch(ENDPOINTS["inverter_preset_values"], path=path))
    assert [values] == house.truth_of("preset-values", serial, preset="eco-mode")
    body = {"start_time": "2025-06-01", "end_time": "2025-06-02", "grouping": 0, "types": [0, 3]}
    (page,) = client.fetch(ENDPOINTS["energy_flows"], path={"inverter": serial}, body=body).pages
    assert page.rows == len(json.loads(page.body)["data"]) == 49
    assert page.params == body
    ems = thing(client.fetch(ENDPOINTS["ems_readings"], path={"ems": house.ems_serials[0]}))
    assert len(ems["meters"]) == 8
    assert house.commands_received == 0


def test_a_charger_and_a_smart_device_are_read(garage, open_client):
    client = open_client(garage, pseudonym_key=b"k" * 32)
    uuid = garage.charger_uuids[0]

    def get(name, *, path=(), **query):
        return client.fetch(ENDPOINTS[name], path={"charger": uuid, **dict(path)}, query=query)

    listed = rows(client.fetch(ENDPOINTS["ev_chargers"]))
    assert [charger["uuid"] for charger in listed] == garage.charger_uuids
    assert thing(get("ev_charger")) == listed[0]
    assert all(charger["alias"] in (None, {"redacted": "string"}) for charger in listed)
    tags = [session["started_by"] for session in rows(get("ev_charging_sessions"))]
    assert {type(tag) for tag in tags} == {str, dict}
    assert {tag for tag in tags if isinstance(tag, str)} <= {"PLUG_AND_GO", "INVERTER_CONTROL"}
    for command in rows(get("ev_charger_commands")):
        (page,) = get("ev_charger_command_data", path={"command": command}).pages
        assert "data" in json.loads(page.body)
        assert page.rows is None
        assert page.status == 200
    (device,) = rows(client.fetch(ENDPOINTS["smart_devices"]))
    assert device["other_data"]["local_key"] == {"redacted": "string"}
    path = {"device": device["uuid"]}
    readings = rows(client.fetch(ENDPOINTS["smart_device_readings"], path=path))
    assert readings == garage.truth_of("smart-device-data", device["uuid"])
    assert garage.commands_received == 0


def test_a_list_in_the_query_is_sent_as_one_parameter_for_each_value(garage, open_client):
    garage.clear_requests()
    query = {
        "start_time": "2025-06-01T00:00:00Z",
        "end_time": "2025-06-01T01:00:00Z",
        "measurands[]": [13, 21],
        "meter_ids[]": (0,),
    }
    fetched = open_client(garage).fetch(
        EV_METER_DATA, path={"charger": garage.charger_uuids[0]}, query=query
    )
    measured = {m["measurand"] for row in rows(fetched) for m in row["measurements"]}
    assert measured <= {13, 21}
    assert measured
    page = fetched.pages[0]
    assert page.params["measurands[]"] == [13, 21]
    assert json.loads(json.dumps(page.params))["meter_ids[]"] == [0]


@pytest.mark.parametrize("data", ["null", "true", '"standalone"', "[]", '{"value": 1}', "3"])
def test_the_data_of_a_command_may_be_anything(garage, open_client, data):
    garage.override("/commands/x", f'{{"data": {data}}}'.encode())
    path = {"charger": garage.charger_uuids[0], "command": "x"}
    try:
        (page,) = open_client(garage).fetch(EV_CHARGER_COMMAND_DATA, path=path).pages
    finally:
        garage.clear_failures()
    assert (page.status, page.rows) == (200, None)
    assert json.loads(page.body) == {"data": json.loads(data)}
