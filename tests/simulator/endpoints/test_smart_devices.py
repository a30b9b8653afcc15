"""Smart devices: the list, a single one, data that grows at the front, writes."""

import datetime as dt
import time

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant

NOW = dt.datetime(2024, 7, 4, 12, 0, 30, tzinfo=dt.UTC)


@pytest.fixture
def sim():
    config = SimulatorConfig(
        inverters=1,
        smart_devices=2,
        clock=NOW,
        commissioned=dt.date(2024, 6, 1),
        rate_limit=10_000,
        tokens=(
            TokenGrant("all"),
            TokenGrant("lister", scopes=frozenset({"api:smart-device:list"})),
            TokenGrant("other", account=2),
        ),
    )
    with Simulator(config) as simulator:
        yield simulator


def test_smart_devices_carry_a_secret(sim, ask):
    rows = ask(sim, "/smart-device").json()["data"]
    assert [row["uuid"] for row in rows] == sim.smart_device_uuids
    assert rows == sim.truth_of("smart-device", str(sim.account["id"]))
    assert {key for row in rows for key in row} == {"uuid", "alias", "other_data"}
    assert {key for row in rows for key in row["other_data"]} == {
        "graph_color",
        "hardware_id",
        "local_key",
    }
    assert len({row["other_data"]["local_key"] for row in rows}) == 2


def test_one_is_a_list_of_one_as_in_the_contract(sim, ask):
    first = sim.smart_device_uuids[0]
    assert ask(sim, f"/smart-device/{first}").json() == {
        "data": sim.truth_of("smart-device", first)
    }


def test_scopes_other_accounts_and_unknown_devices(sim, ask):
    first = sim.smart_device_uuids[0]
    for path in ("", "/data"):
        assert ask(sim, f"/smart-device/{first}{path}", token="lister").status_code == 403
        assert ask(sim, f"/smart-device/{first}{path}", token="other").status_code == 403
        assert ask(sim, f"/smart-device/x{path}").status_code == 404
    assert ask(sim, "/smart-device", token="lister").status_code == 200
    assert ask(sim, f"/smart-device/{first}/data?page=0").status_code == 422


def test_data_is_newest_first_and_paged(sim, ask):
    first = sim.smart_device_uuids[0]
    rows, page, last = [], 0, 1
    while page < last:
        page += 1
        query = {"page": page, "pageSize": 1000}
        body = ask(sim, f"/smart-device/{first}/data", params=query).json()
        assert body["meta"]["per_page"] == 100
        rows += body["data"]
        last = body["meta"]["last_page"]
    assert rows == sim.truth_of("smart-device-data", first)
    times = [row["time"] for row in rows]
    assert times == sorted(set(times), reverse=True)
    assert (times[0], times[-1]) == ("2024-07-04T12:00:00Z", "2024-06-01T00:00:00Z")
    # 33.5 days at 5 minutes, less the few that are missing.
    assert 9_500 < len(rows) < 9_649
    assert all(type(row["power"]) is int for row in rows)
    assert {row["power"] > 100 for row in rows} == {True, False}
    assert len(ask(sim, f"/smart-device/{first}/data").json()["data"]) == 15


def test_data_grows_at_the_front_with_the_clock(sim):
    first = sim.smart_device_uuids[0]
    before = sim.truth_of("smart-device-data", first)
    sim.set_clock(NOW + dt.timedelta(days=60))
    after = sim.truth_of("smart-device-data", first)
    assert after[-len(before) :] == before
    assert 17_000 < len(after) - len(before) <= 17_280
    sim.set_clock(NOW)
    assert sim.truth_of("smart-device-data", first) == before


def test_pages_shift_while_they_are_read(ask):
    config = SimulatorConfig(
        smart_devices=1, clock=NOW, clock_step_s=600, commissioned=dt.date(2024, 7, 1)
    )
    with Simulator(config) as sim:
        path = f"/smart-device/{sim.smart_device_uuids[0]}/data?pageSize=10&page="
        bodies = [ask(sim, f"{path}{page}").json() for page in (1, 2, 3)]
        first, second, third = ([row["time"] for row in body["data"]] for body in bodies)
        # Two new rows in front push the last two of a page onto the next.
        assert (first[-2:], second[-2:]) == (second[:2], third[:2])
        totals = [body["meta"]["total"] for body in bodies]
        assert totals == [totals[0], totals[0] + 2, totals[0] + 4]


def test_rows_of_a_test(sim, ask):
    first = sim.smart_device_uuids[0]
    sim.set_listing("smart-device-data", first, [{"time": None, "power": "12"}, {}])
    body = ask(sim, f"/smart-device/{first}/data?pageSize=1&page=2").json()
    assert (body["data"], body["meta"]["total"]) == ([{}], 2)


def test_writes_are_violations(sim, ask):
    data = f"/smart-device/{sim.smart_device_uuids[0]}/data"
    point = {"time": "2024-07-04T11:00:00Z", "power": 5}
    assert ask(sim, data, "POST", json=point).json() == {"data": [point]}
    assert ask(sim, data, "POST", json={}).status_code == 422
    answer = ask(sim, "/smart-device", "POST", json={"alias": "a"})
    assert list(answer.json()["errors"]) == ["serial_number", "product_name", "manufacturer"]
    assert sim.stats()["commands"] == [f"POST /v1{data}"] * 2 + ["POST /v1/smart-device"]


def test_years_of_data_are_paged_quickly(ask):
    config = SimulatorConfig(smart_devices=1, smart_points_every_s=60, rate_limit=10_000)
    with Simulator(config) as sim:
        path = f"/smart-device/{sim.smart_device_uuids[0]}/data?pageSize=100&page="
        ask(sim, f"{path}1")
        started = time.process_time()
        for page in range(2, 52):
            assert len(ask(sim, f"{path}{page}").json()["data"]) == 100
        assert time.process_time() - started < 3
