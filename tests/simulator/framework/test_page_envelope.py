"""Pages as recordings show them, quirks included."""

import time

import pytest

from simulator import Simulator, SimulatorConfig


@pytest.fixture(scope="module")
def sim():
    with Simulator(SimulatorConfig(inverters=40, rate_limit=10_000)) as simulator:
        yield simulator


def test_the_default_page_has_15_rows(sim, ask):
    meta = ask(sim, "/communication-device").json()["meta"]
    assert meta == {
        "current_page": 1,
        "from": 1,
        "last_page": 3,
        "path": f"{sim.base_url}/communication-device",
        "per_page": 15,
        "to": 15,
        "total": 40,
    }


def test_links_drop_the_page_size(sim, ask):
    links = ask(sim, "/communication-device?page=2&pageSize=10").json()["links"]
    url = f"{sim.base_url}/communication-device?page="
    assert links == {"first": f"{url}1", "last": f"{url}4", "prev": f"{url}1", "next": f"{url}3"}


def test_page_size_is_capped_per_listing(sim, ask):
    assert ask(sim, "/communication-device?pageSize=5000").json()["meta"]["per_page"] == 100
    day = f"/inverter/{sim.serials[0]}/data-points/2024-06-01"
    assert ask(sim, f"{day}?pageSize=100000").json()["meta"]["per_page"] == 100_000
    assert ask(sim, f"{day}?pageSize=100001").json()["meta"]["per_page"] == 100_000
    capped = SimulatorConfig(page_size_caps={"data-points": 50})
    with Simulator(capped) as other:
        meta = ask(other, f"{day}?pageSize=100000").json()["meta"]
        assert (meta["per_page"], meta["to"]) == (50, 50)


def test_past_the_last_page_is_empty_and_no_error(sim, ask):
    answer = ask(sim, "/communication-device?page=9")
    assert answer.status_code == 200
    body = answer.json()
    assert body["data"] == []
    assert (body["meta"]["from"], body["meta"]["to"], body["meta"]["total"]) == (None, None, 40)


@pytest.mark.parametrize("size", [7, 15, 100, 100_000])
def test_pages_add_up_to_the_day(sim, ask, size):
    serial = sim.serials[1]
    rows, page, last = [], 0, 1
    while page < last:
        page += 1
        query = {"page": page, "pageSize": size}
        body = ask(sim, f"/inverter/{serial}/data-points/2024-06-01", params=query).json()
        rows += body["data"]
        last = body["meta"]["last_page"]
    assert rows == sim.truth(serial, "2024-06-01")
    assert len(rows) == body["meta"]["total"]


def test_a_listing_shifts_once_while_it_is_paged(ask):
    with Simulator(SimulatorConfig(inverters=30, shift_after={"communication-device": 1})) as sim:
        pages = [ask(sim, f"/communication-device?page={n}").json() for n in (1, 2, 3)]
        serials = [d["serial_number"] for page in pages for d in page["data"]]
        assert [page["meta"]["total"] for page in pages] == [30, 31, 31]
        assert len(serials) == len(set(serials)) + 1
        again = ask(sim, "/communication-device?pageSize=100").json()
        new = again["data"][0]
        assert new["serial_number"] not in serials
        assert sim.truth(new["inverter"]["serial"], "2024-06-01")


def test_links_can_point_elsewhere(ask):
    with Simulator(SimulatorConfig(inverters=20, links_base="https://elsewhere.test/v1")) as sim:
        links = ask(sim, "/communication-device").json()["links"]
        assert links["next"] == "https://elsewhere.test/v1/communication-device?page=2"


def test_two_thousand_inverters_are_listed_quickly(ask):
    with Simulator(SimulatorConfig(inverters=2000)) as sim:
        serials = []
        started = time.process_time()
        for page in range(1, 22):
            body = ask(sim, f"/communication-device?pageSize=100&page={page}").json()
            serials += [device["inverter"]["serial"] for device in body["data"]]
        assert len(serials) == len(set(serials)) == 2000
        assert time.process_time() - started < 20
