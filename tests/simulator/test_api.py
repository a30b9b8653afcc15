"""Who gets what: tokens, scopes, subscription, routes, validation, forbidden commands."""

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant

DAY = "/inverter/XA0000G000/data-points/2024-06-01"


@pytest.fixture(scope="module")
def sim():
    config = SimulatorConfig(
        gone=1,
        rate_limit=10_000,
        tokens=(
            TokenGrant("all"),
            TokenGrant("lister", scopes=frozenset({"api:inverter:list"})),
            TokenGrant("other", account=2),
        ),
    )
    with Simulator(config) as simulator:
        yield simulator


def test_account_is_that_of_the_token(sim, ask):
    assert ask(sim, "/account").json() == {"data": sim.account}
    assert ask(sim, "/account", token="other").json()["data"]["id"] == sim.account["id"] + 1


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer wrong"}, {"Authorization": "all"}])
def test_wrong_token_is_401_and_spends_the_budget_of_no_account(sim, ask, headers):
    before = int(ask(sim, "/account").headers["X-RateLimit-Remaining"])
    answer = ask(sim, "/account", headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthenticated."})
    assert answer.headers["X-RateLimit-Limit"] == "10000"
    assert int(ask(sim, "/account").headers["X-RateLimit-Remaining"]) == before - 1


def test_missing_scope_is_403(sim, ask):
    assert ask(sim, "/communication-device", token="lister").status_code == 200
    answer = ask(sim, DAY, token="lister")
    assert (answer.status_code, answer.json()) == (403, {"message": "Invalid scope(s) provided."})


def test_another_accounts_device_is_403(sim, ask):
    assert ask(sim, DAY, token="other").status_code == 403


def test_without_accept_the_response_is_a_page(sim, ask):
    answer = ask(sim, "/account", headers={"Accept": "*/*"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("POST", "/account", 405),
        ("DELETE", DAY, 405),
        ("GET", "/notification/send", 405),
        ("GET", "/inverter/XX/data-points/2024-06-01", 404),
        ("GET", "/communication-device/XX", 404),
    ],
)
def test_unknown_routes_and_devices(sim, ask, method, path, status):
    answer = ask(sim, path, method)
    assert answer.status_code == status
    assert answer.json()["message"]


@pytest.mark.parametrize(
    "date", ["2024-02-30", "20240601", "2024-6-1", "today", "2024-06-01T00:00"]
)
def test_bad_date_is_422(sim, ask, date):
    answer = ask(sim, f"/inverter/{sim.serials[0]}/data-points/{date}")
    assert answer.status_code == 422
    assert answer.json()["message"] == "The given data was invalid."
    assert list(answer.json()["errors"]) == ["date"]


@pytest.mark.parametrize(("name", "value"), [("page", "0"), ("page", "x"), ("pageSize", "-1")])
def test_bad_page_is_422(sim, ask, name, value):
    answer = ask(sim, DAY, params={name: value})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [name]


def test_a_device_that_is_gone_stays_listed_but_has_no_data(sim, ask):
    gone = next(device for device in sim.devices if device.gone)
    listed = ask(sim, "/communication-device?pageSize=100").json()["data"]
    assert gone.datalog in [device["serial_number"] for device in listed]
    assert ask(sim, f"/inverter/{gone.serial}/data-points/2024-06-01").status_code == 404


def test_communication_devices(sim, ask):
    listed = ask(sim, "/communication-device?pageSize=100").json()["data"]
    assert all(device["inverter"] for device in listed)
    one = ask(sim, f"/communication-device/{listed[0]['serial_number']}").json()["data"]
    assert one["inverter"]["serial"] == sim.serials[0]
    with Simulator(SimulatorConfig(odd_devices=True)) as odd:
        listed = ask(odd, "/communication-device?pageSize=100").json()["data"]
        assert [device["inverter"] for device in listed[-2:]] == [None, {}]


def test_commands_and_writes_are_noted(ask):
    with Simulator() as sim:
        ask(sim, "/account")
        ask(sim, "/notification/send", "POST", json={})
        assert sim.commands_received == 0
        command = f"/inverter/{sim.serials[0]}/request-data"
        assert ask(sim, command).json() == {"success": True}
        ask(sim, f"/inverter/{sim.serials[0]}/settings/64/write", "POST", json={"value": 1})
        assert sim.stats()["commands"] == [
            f"GET /v1{command}",
            f"POST /v1/inverter/{sim.serials[0]}/settings/64/write",
        ]


def test_no_subscription_is_402_until_there_is_one(ask):
    with Simulator(SimulatorConfig(subscription=False)) as sim:
        assert ask(sim, "/account").status_code == 402
        sim.configure(subscription=True)
        assert ask(sim, "/account").status_code == 200


def test_token_is_not_logged(sim, ask):
    ask(sim, "/account", headers={"X-Client": "phone"})
    record = sim.requests[-1]
    assert (record.client, record.path, record.status) == ("phone", "/v1/account", 200)
    assert record.complete
    assert sim.token not in record.headers["authorization"].split()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"inverters": 2001}, "2001"),
        ({"faults": {"flood": 0.1}}, "flood"),
        ({"faults": {"reset": 0.7, "stall": 0.7}}, "1.4"),
        ({"anomalies": {"booleans": 2}}, "booleans"),
    ],
)
def test_bad_settings_are_named(settings, text):
    with pytest.raises(ValueError, match=text):
        SimulatorConfig(**settings)
