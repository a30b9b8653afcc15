"""What differs between the versions of the API that the simulator can speak."""

import datetime as dt

import pytest

from simulator import Simulator, SimulatorConfig
from simulator.config import API_VERSIONS

NOW = dt.datetime(2025, 6, 3, 12, tzinfo=dt.UTC)
FROM_1_35 = API_VERSIONS[1:]
NEW_STATUSES = {"LOST", "ERROR", "UPDATING", "BYPASS", "OFF_GRID", "ON_GRID"}
FLOWS = {"start_time": "2025-06-01", "end_time": "2025-06-02", "grouping": 0, "types": [0]}
METERS = {
    "start_time": "2025-06-03T00:00:00Z",
    "end_time": "2025-06-03T01:00:00Z",
    "measurands": [13, 21],
    "meter_ids": [0],
}


def simulator(**settings):
    return Simulator(
        SimulatorConfig(
            inverters=2,
            seed=7,
            ev_chargers=1,
            clock=NOW,
            commissioned=dt.date(2025, 5, 1),
            rate_limit=10_000,
            **settings,
        )
    )


@pytest.fixture(scope="module", params=API_VERSIONS)
def sim(request):
    with simulator(api_version=request.param) as running:
        yield running


def test_an_account_has_its_company_from_version_1_35_on(sim, ask):
    account = ask(sim, "/account").json()["data"]
    has_company = sim.config.api_version in FROM_1_35
    assert ("company" in account) is has_company
    assert account.get("company") == ("Invented Energy 1 Ltd" if has_company else None)


@pytest.mark.parametrize(
    ("cleared", "status"),
    [("1", 200), ("0", 200), ("true", 422), ("false", 422), ("2", 422), ("yes", 422)],
)
def test_cleared_is_a_boolean_as_the_framework_of_the_api_accepts_it(sim, ask, cleared, status):
    path = f"/inverter/{sim.serials[0]}/events"
    assert ask(sim, path, params={"cleared": cleared}).status_code == status


def test_energy_flows_and_presets_are_declared_as_text_from_version_1_35_on(sim, ask):
    inverter = f"/inverter/{sim.serials[0]}"
    flows = ask(sim, f"{inverter}/energy-flows", "POST", json=FLOWS)
    presets = ask(sim, f"{inverter}/presets")
    declared = (
        "text/plain; charset=UTF-8" if sim.config.api_version in FROM_1_35 else "application/json"
    )
    assert {each.headers["Content-Type"] for each in (flows, presets)} == {declared}
    assert len(flows.json()["data"]) == 49
    assert presets.json()["data"]
    assert ask(sim, f"{inverter}/settings").headers["Content-Type"] == "application/json"


def test_a_chargers_meter_data_need_both_lists_from_version_1_35_on(sim, ask):
    path = f"/ev-charger/{sim.charger_uuids[0]}/meter-data"
    times = {name: METERS[name] for name in ("start_time", "end_time")}
    answer = ask(sim, path, params=times)
    if sim.config.api_version in FROM_1_35:
        assert answer.status_code == 422
        assert answer.json()["errors"].keys() == {"measurands", "meter_ids"}
    else:
        assert answer.status_code == 200
        assert answer.json()["data"]


def test_parameters_of_a_get_are_taken_from_a_json_body_from_version_1_35_on(sim, ask):
    path = f"/ev-charger/{sim.charger_uuids[0]}/meter-data"
    answer = ask(sim, path, params={"pageSize": 100}, json=METERS)
    if sim.config.api_version in FROM_1_35:
        assert answer.json()["data"] == sim.truth_of(
            "ev-meter-data", sim.charger_uuids[0], **METERS
        )
        # As with the framework of the API, the body goes before the query.
        cleared = ask(
            sim,
            f"/inverter/{sim.serials[0]}/events",
            params={"cleared": "true"},
            json={"cleared": True},
        )
        assert cleared.status_code == 200
    else:
        assert answer.status_code == 422


def test_statuses_of_version_1_53_are_seldom_and_only_there(sim):
    statuses = [
        point["status"]
        for serial in sim.serials
        for day in range(1, 15)
        for point in sim.truth(serial, f"2025-05-{day + 10}")
    ]
    new = [status for status in statuses if status in NEW_STATUSES]
    if sim.config.api_version == "1.53":
        assert 0 < len(new) < len(statuses) / 200
        assert len(set(new)) > 3
    else:
        assert new == []


def test_energy_flows_can_be_refused(ask):
    for answer, status in (("410", 410), ("402", 402)):
        with simulator(refused={"energy-flows": answer}) as sim:
            path = f"/inverter/{sim.serials[0]}/energy-flows"
            assert ask(sim, path, "POST", json=FLOWS).status_code == status
    with simulator(unavailable=frozenset({"energy-flows"})) as sim:
        path = f"/inverter/{sim.serials[0]}/energy-flows"
        assert ask(sim, path, "POST", json=FLOWS).status_code == 404
