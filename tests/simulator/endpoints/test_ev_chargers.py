"""EV chargers: the list, a single one, being offline, what is configured."""

import datetime as dt
import json
import uuid

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant
from tests.simulator.recorded_samples import ABSENT, leaves, sample

NOW = dt.datetime(2024, 7, 3, 21, 30, tzinfo=dt.UTC)


@pytest.fixture
def sim():
    config = SimulatorConfig(
        inverters=1,
        ev_chargers=3,
        ev_offline_rate=0,
        clock=NOW,
        rate_limit=10_000,
        tokens=(
            TokenGrant("all"),
            TokenGrant("lister", scopes=frozenset({"api:ev-charger:list"})),
            TokenGrant("other", account=2),
        ),
    )
    with Simulator(config) as simulator:
        yield simulator


def test_chargers_are_listed_in_pages(sim, ask):
    body = ask(sim, "/ev-charger?pageSize=2").json()
    assert [c["uuid"] for c in body["data"]] == sim.charger_uuids[:2]
    assert (body["meta"]["total"], body["meta"]["last_page"]) == (3, 2)
    rest = ask(sim, "/ev-charger?pageSize=2&page=2").json()["data"]
    assert body["data"] + rest == sim.truth_of("ev-charger", str(sim.account["id"]))
    assert [c["alias"] for c in body["data"] + rest] == [None, "Garage", "EV Charger 1"]
    assert all(uuid.UUID(c["uuid"]).version == 4 for c in body["data"])


def test_one_charger(sim, ask):
    first = sim.charger_uuids[0]
    shown = ask(sim, f"/ev-charger/{first}").json()["data"]
    assert [shown] == sim.truth_of("ev-charger", first)
    assert shown["online"] is True
    assert shown["went_offline_at"] is None


@ABSENT
def test_a_charger_has_the_leaves_of_the_recording(sim, ask):
    shown = ask(sim, f"/ev-charger/{sim.charger_uuids[0]}").json()["data"]
    assert leaves(shown) == leaves(sample("ev_charger.json"))


def test_uuids_follow_from_the_seed(sim):
    same = Simulator(SimulatorConfig(ev_chargers=3))
    other = Simulator(SimulatorConfig(ev_chargers=3, seed=2))
    assert same.charger_uuids == sim.charger_uuids
    assert not set(other.charger_uuids) & set(sim.charger_uuids)


def test_scopes_other_accounts_and_unknown_chargers(sim, ask):
    first = sim.charger_uuids[0]
    for path in ("", "/meter-data", "/charging-sessions", "/commands", "/commands/change-mode"):
        assert ask(sim, f"/ev-charger/{first}{path}", token="lister").status_code == 403
        assert ask(sim, f"/ev-charger/{first}{path}", token="other").json() == {
            "message": "This action is unauthorized."
        }
        assert ask(sim, f"/ev-charger/{sim.account['id']}{path}").status_code == 404
    assert ask(sim, "/ev-charger", token="lister").status_code == 200
    others = [c["uuid"] for c in ask(sim, "/ev-charger", token="other").json()["data"]]
    assert len(others) == 3
    assert not set(others) & set(sim.charger_uuids)


@pytest.mark.parametrize("kind", ["engineer", "company"])
def test_only_customers_may_list(kind, ask):
    with Simulator(SimulatorConfig(ev_chargers=1, account_type=kind)) as sim:
        answer = ask(sim, "/ev-charger")
        assert answer.status_code == 403
        assert answer.json() == {"message": "This action is unauthorized."}
        assert ask(sim, f"/ev-charger/{sim.charger_uuids[0]}").status_code == 200


def test_no_chargers_is_an_empty_list_or_404(ask):
    with Simulator(SimulatorConfig()) as sim:
        assert ask(sim, "/ev-charger").json()["data"] == []
    with Simulator(SimulatorConfig(chargers_404=True)) as sim:
        assert ask(sim, "/ev-charger").status_code == 404
    with Simulator(SimulatorConfig(chargers_404=True, ev_chargers=1)) as sim:
        assert ask(sim, "/ev-charger").status_code == 200


def test_what_the_api_lacks_is_404(ask):
    lacking = frozenset({"ev-charger", "ev-meter-data"})
    with Simulator(SimulatorConfig(ev_chargers=1, unavailable=lacking)) as sim:
        first = sim.charger_uuids[0]
        assert ask(sim, "/ev-charger").status_code == 404
        assert ask(sim, f"/ev-charger/{first}/meter-data").status_code == 404
        assert ask(sim, f"/ev-charger/{first}/charging-sessions").status_code == 200


def test_a_charger_goes_offline_and_comes_back(sim, ask):
    first, _, third = sim.charger_uuids
    since = NOW - dt.timedelta(minutes=30)
    sim.take_offline(first, since)
    sim.take_offline(third)
    shown = ask(sim, "/ev-charger").json()["data"]
    assert [c["online"] for c in shown] == [False, True, False]
    # As in the contract's examples, the time is not always there.
    assert [c["went_offline_at"] for c in shown] == ["2024-07-03T21:00:00Z", None, None]
    assert [c["status"] for c in shown][::2] == ["Unavailable", "Unavailable"]
    sim.set_clock(NOW + dt.timedelta(hours=1))
    sim.bring_online(first)
    assert ask(sim, f"/ev-charger/{first}").json()["data"]["online"] is True
    assert ask(sim, f"/ev-charger/{third}").json()["data"]["online"] is False
    with pytest.raises(KeyError, match="no EV charger 'x'"):
        sim.take_offline("x")


def test_chargers_are_offline_now_and_then(ask):
    config = SimulatorConfig(ev_chargers=1, ev_offline_rate=1, clock=NOW)
    sim = Simulator(config)
    first = sim.charger_uuids[0]
    states = []
    for hour in range(48):
        sim.set_clock(NOW + dt.timedelta(hours=hour))
        (charger,) = sim.truth_of("ev-charger", first)
        states.append((charger["online"], charger["went_offline_at"]))
    offline = [since for online, since in states if not online]
    assert 4 < len(offline) < 44
    assert len(set(offline)) in (2, 3)
    assert all(since is None for online, since in states if online)


def test_the_status_follows_the_session(sim):
    first = sim.charger_uuids[0]
    session = sim.truth_of("charging-sessions", first)[0]
    start = dt.datetime.fromisoformat(session["started_at"])
    stop = dt.datetime.fromisoformat(session["stopped_at"])

    def status(moment: dt.datetime) -> str:
        sim.set_clock(moment)
        return sim.truth_of("ev-charger", first)[0]["status"]

    minute = dt.timedelta(minutes=1)
    assert status(start - 2 * minute) == "Preparing"
    assert status(start + minute) == "Charging"
    assert status(stop - dt.timedelta(seconds=1)) in ("Charging", "SuspendedEV")
    assert status(stop + minute) == "Finishing"
    assert status(stop + 30 * minute) == "Available"


def test_the_listing_can_be_replaced(sim, ask):
    account = str(sim.account["id"])
    rows = [{"uuid": None, "serial_number": 7}]
    sim.set_listing("ev-charger", account, rows)
    assert ask(sim, "/ev-charger").json()["data"] == rows
    assert sim.truth_of("ev-charger", account) == rows
    sim.set_listing("ev-charger", account, None)
    assert len(ask(sim, "/ev-charger").json()["data"]) == 3


def test_supported_commands_and_their_data(sim, ask):
    first = sim.charger_uuids[0]
    commands = ask(sim, f"/ev-charger/{first}/commands").json()
    assert list(commands) == ["data"]
    assert "set-max-import-capacity" not in commands["data"]
    held = {
        command: json.loads(ask(sim, f"/ev-charger/{first}/commands/{command}").text)
        for command in commands["data"]
    }
    assert held["start-charge"] == {"data": []}
    assert held["rename-id-tag"] == {"data": None}
    assert held["set-plug-and-go"]["data"] in (True, False)
    assert held["installation-mode"] == {"data": "ct_meter"}
    assert held["configuration-mode"] == {"data": {"value": "C"}}
    assert held["change-mode"] == {
        "data": {"active": "Boost", "available": ["Eco", "SuperEco", "Boost"]}
    }
    schedules = held["set-schedule"]["data"]["schedules"]
    assert schedules[0]["id"] == held["set-active-schedule"]["data"]["schedule_id"]
    tags = [tag["id"] for tag in held["add-id-tags"]["data"]["id_tags"]]
    starters = {s["started_by"] for s in sim.truth_of("charging-sessions", first)}
    assert starters == {"PLUG_AND_GO", "INVERTER_CONTROL", str(sim.account["id"]), *tags}
    for command in ("set-max-import-capacity", "make-tea"):
        assert ask(sim, f"/ev-charger/{first}/commands/{command}").status_code == 404


def test_sending_a_command_is_a_violation(sim, ask):
    first = sim.charger_uuids[0]
    path = f"/ev-charger/{first}/commands/start-charge"
    assert ask(sim, path, "POST").json() == {
        "data": {"code": 0, "success": True, "message": "Accepted"}
    }
    sim.take_offline(first)
    assert ask(sim, path, "POST").json()["data"]["code"] == -2
    assert sim.stats()["commands"] == [f"POST /v1{path}"] * 2
