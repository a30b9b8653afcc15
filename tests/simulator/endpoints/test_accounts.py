"""Accounts of each type, their children and devices; sites and their status."""

import datetime as dt

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant

REFUSED = {"message": "This action is unauthorized."}
NOW = dt.datetime(2024, 7, 4, 12, tzinfo=dt.UTC)


def simulator(**settings) -> Simulator:
    given = {
        "inverters": 1,
        "clock": NOW,
        "rate_limit": 10_000,
        "tokens": (
            TokenGrant("all"),
            TokenGrant("reader", scopes=frozenset({"api:account:read"})),
            TokenGrant("other", account=2),
            TokenGrant("child", account=1001),
        ),
    }
    return Simulator(SimulatorConfig(**{**given, **settings}))


@pytest.fixture
def customer():
    with simulator() as sim:
        yield sim


@pytest.fixture
def engineer():
    with simulator(account_type="engineer", children=3, child_inverters=2) as sim:
        yield sim


@pytest.fixture
def company():
    with simulator(account_type="company", children=3) as sim:
        yield sim


@pytest.mark.parametrize(
    "path",
    [
        "/account/900001",
        "/account/search/sim.owner.1",
        "/account/900001/devices",
        "/account-children",
        "/account-children/900001",
    ],
)
def test_customers_see_no_account_by_id(customer, ask, path):
    answer = ask(customer, path)
    assert (answer.status_code, answer.json()) == (403, REFUSED)


def test_an_engineer_reads_children_but_nobody_else(engineer, ask):
    first, *_ = engineer.truth_of("account-children", "900001")
    assert first["id"] == 901_001
    assert ask(engineer, "/account/901001").json() == {"data": first}
    assert ask(engineer, "/account/900001").json() == {"data": engineer.account}
    assert ask(engineer, f"/account/search/{first['name']}").json() == {"data": first}
    for path in ("/account/900002", "/account/search/sim.owner.2", "/account/900002/devices"):
        answer = ask(engineer, path)
        assert (answer.status_code, answer.json()) == (403, REFUSED)
    for path in ("/account/5", "/account/x", "/account/search/x", "/account/x/devices"):
        assert ask(engineer, path).status_code == 404


def test_children_are_listed_in_pages(engineer, ask):
    body = ask(engineer, "/account-children?pageSize=2").json()
    assert [child["id"] for child in body["data"]] == [901_001, 901_002]
    assert (body["meta"]["total"], body["meta"]["last_page"]) == (3, 2)
    rest = ask(engineer, "/account-children?pageSize=2&page=2").json()["data"]
    assert body["data"] + rest == engineer.truth_of("account-children", "900001")
    assert {tuple(child) for child in rest} == {tuple(engineer.account)}


def test_the_children_of_another_are_for_companies(engineer, company, ask):
    answer = ask(engineer, "/account-children/900001")
    assert (answer.status_code, answer.json()) == (403, REFUSED)
    children = ask(company, "/account-children").json()["data"]
    assert [child["role"] for child in children] == ["SUB_CONTRACTOR", "OWNER", "OWNER"]
    assert ask(company, "/account-children/901001").json()["data"] == children[1:]
    assert ask(company, "/account-children/901002").json()["data"] == []
    assert ask(company, "/account-children/900001").json()["data"] == children
    assert ask(company, "/account-children/900002").status_code == 403
    # The engineer among them sees the others with a token of their own.
    own = ask(company, "/account-children", token="child").json()["data"]
    assert own == children[1:]


def test_dongles_of_a_child_by_id_and_by_name(engineer, ask):
    by_id = ask(engineer, "/account/901002/devices").json()
    assert by_id["data"] == engineer.truth_of("account-devices", "901002")
    assert (len(by_id["data"]), by_id["meta"]["total"]) == (2, 2)
    assert by_id["links"]["last"].endswith("/account/901002/devices?page=1")
    name = ask(engineer, "/account/901002").json()["data"]["name"]
    assert ask(engineer, f"/account/{name}/devices").json()["data"] == by_id["data"]
    assert {device["site_id"] for device in by_id["data"]} == {71_002}


def test_an_engineer_reads_the_data_of_childrens_devices(engineer, ask):
    device = ask(engineer, "/account/901003/devices").json()["data"][1]
    serial = device["inverter"]["serial"]
    day = f"/inverter/{serial}/data-points/2024-06-01?pageSize=100000"
    assert ask(engineer, day).json()["data"] == engineer.truth(serial, "2024-06-01") != []
    dongle = f"/communication-device/{device['serial_number']}"
    assert ask(engineer, dongle).json()["data"] == device
    assert ask(engineer, day, token="other").status_code == 403
    assert ask(engineer, day, token="child").status_code == 403


def test_the_own_list_holds_childrens_devices_only_if_it_is_to(engineer, ask):
    listed = ask(engineer, "/communication-device?pageSize=100").json()["data"]
    assert len(listed) == 1
    with simulator(account_type="engineer", children=3, children_devices_listed=True) as sim:
        more = ask(sim, "/communication-device?pageSize=100").json()
        assert more["data"][:1] == listed
        assert {device["site_id"] for device in more["data"][1:]} == {71_001, 71_002, 71_003}
        assert more["meta"]["total"] == 4


def test_a_childs_token_sees_its_own_account(engineer, ask):
    assert ask(engineer, "/account", token="child").json()["data"]["id"] == 901_001
    assert ask(engineer, "/account-children", token="child").status_code == 403
    assert len(ask(engineer, "/communication-device", token="child").json()["data"]) == 2


def test_both_scopes_are_needed(engineer, ask):
    assert ask(engineer, "/account/901001", token="reader").status_code == 200
    answer = ask(engineer, "/account/901001/devices", token="reader")
    assert (answer.status_code, answer.json()) == (403, {"message": "Invalid scope(s) provided."})


def test_serials_differ_over_two_thousand_children():
    sim = simulator(account_type="engineer", children=2000, child_inverters=2)
    serials = [device.serial for device in sim.devices]
    assert len(set(serials)) == len(serials) == 4_000 + 2


def test_a_site_and_its_status(customer, ask):
    (site,) = ask(customer, "/site").json()["data"]
    assert [site] == customer.truth_of("site", "900001") == customer.truth_of("site", "70001")
    assert {key: site[key] for key in ("id", "account", "country", "type", "products")} == {
        "id": 70_001,
        "account": customer.account["name"],
        "country": "UNITED_KINGDOM",
        "type": "SINGLE_PHASE",
        "products": [],
    }
    assert (site["timezone"], site["tz_timezone"]) == ("GMT", "Europe/London")
    assert ask(customer, "/site/70001").json() == {"data": site}
    assert ask(customer, "/communication-device").json()["data"][0]["site_id"] == site["id"]
    assert ask(customer, "/site/70002").status_code == 403
    for unknown in ("1", "x", "99999999"):
        assert ask(customer, f"/site/{unknown}").status_code == 404
    answer = ask(customer, "/site/70001/status")
    assert (answer.status_code, answer.json()) == (403, REFUSED)


def test_the_status_has_no_data_around_it(ask):
    with simulator(site_status_approved=True, account_type="engineer", children=4) as sim:
        statuses = [ask(sim, f"/site/7100{n}/status").json() for n in (1, 2, 3, 4)]
        assert statuses == [
            {"status": status} for status in ("opted_out", "vacant", None, "opted_in")
        ]
        assert ask(sim, "/site/70002/status").status_code == 403
        assert ask(sim, "/site/5/status").status_code == 404


def test_setting_a_status_is_a_violation(ask):
    with simulator(site_status_approved=True) as sim:
        answer = ask(sim, "/site/70001/status", "POST", json={"status": "vacant"})
        assert answer.json() == {"success": True}
        assert sim.stats()["commands"] == ["POST /v1/site/70001/status"]


def test_listings_can_be_replaced(engineer, ask):
    engineer.set_listing("account-children", "900001", [{"id": None}])
    assert ask(engineer, "/account-children").json()["data"] == [{"id": None}]
    engineer.set_listing("communication-device", "900001", [{"inverter": {"serial": None}}])
    listed = ask(engineer, "/communication-device").json()
    assert (listed["data"], listed["meta"]["total"]) == ([{"inverter": {"serial": None}}], 1)
    engineer.set_listing("account", "900001", [])
    assert ask(engineer, "/account").status_code == 404


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"account_type": "king"}, "king"),
        ({"children": -1}, "children is -1"),
        ({"ev_chargers": 2000}, "ev_chargers is 2000"),
        ({"ev_points_every_s": 0}, "ev_points_every_s is 0"),
        ({"ev_offline_rate": 2}, "EV offline rate is 2"),
        ({"clock_step_s": -1}, "clock step is -1"),
        ({"anomalies": {"ev_nonsense": 1}}, "ev_nonsense"),
    ],
)
def test_bad_settings_are_named(settings, text):
    with pytest.raises(ValueError, match=text):
        SimulatorConfig(**settings)
