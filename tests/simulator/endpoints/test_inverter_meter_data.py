"""History of an inverter's own meter: only in later versions of the API."""

import datetime as dt

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant

NOW = dt.datetime(2024, 7, 10, 12, 10, tzinfo=dt.UTC)
SERIAL = "XA0000G000"
PATH = f"/inverter/{SERIAL}/meter/data"
DAY = {"address": "1", "start_time": "2024-07-01T23:00:00Z", "end_time": "2024-07-02T23:00:00Z"}


@pytest.fixture(scope="module")
def sim():
    config = SimulatorConfig(
        clock=NOW,
        commissioned=dt.date(2022, 5, 10),
        empty_day_rate=0,
        flow_gap_rate=0,
        rate_limit=10_000,
        tokens=(
            TokenGrant("all"),
            TokenGrant("reader", scopes=frozenset({"api:inverter:read"})),
            TokenGrant("other", account=2),
        ),
    )
    with Simulator(config) as simulator:
        yield simulator


def rows(sim, **change):
    return sim.truth_of("inverter-meter-data", SERIAL, **{**DAY, **change})


def test_earlier_versions_lack_it(ask):
    with Simulator(SimulatorConfig(api_version="1.26")) as sim:
        assert ask(sim, PATH, params=DAY).status_code == 404


def test_pages_add_up(sim, ask):
    everything = rows(sim)
    assert len(everything) == 289
    collected = []
    for page in (1, 2, 3):
        body = ask(sim, PATH, params={**DAY, "page": page, "pageSize": 1000}).json()
        collected += body["data"]
    assert collected == everything
    assert (body["meta"]["total"], body["meta"]["per_page"]) == (289, 100)
    assert [row["time"] for row in everything[:2]] == [
        "2024-07-01T23:00:00Z",
        "2024-07-01T23:05:00Z",
    ]
    assert everything[-1]["time"] == "2024-07-02T23:00:00Z"


def test_values_hang_together(sim):
    for row in rows(sim):
        apparent = (row["active_power"] ** 2 + row["reactive_power"] ** 2) ** 0.5
        assert row["apparent_power"] == pytest.approx(apparent, abs=2)
        assert row["current"] == pytest.approx(row["apparent_power"] / row["voltage"], abs=0.02)
        assert 230 < row["voltage"] < 255
        assert 49 < row["frequency"] < 51
        assert -1 <= row["power_factor"] <= 1


def test_registers_agree_with_points_and_flows(sim):
    everything = rows(sim)
    imported = everything[-1]["import_active_energy"] - everything[0]["import_active_energy"]
    exported = everything[-1]["export_active_energy"] - everything[0]["export_active_energy"]
    (flows,) = sim.truth_of(
        "energy-flows", SERIAL, start_time="2024-07-02", end_time="2024-07-02", grouping=1
    )
    kwh = flows["data"]
    assert imported == pytest.approx(kwh["3"] + kwh["4"], abs=0.15)
    assert exported == pytest.approx(kwh["2"] + kwh["6"], abs=0.15)
    total = sim.truth(SERIAL, "2024-07-02")[-1]["total"]["grid"]
    assert everything[-1]["import_active_energy"] == pytest.approx(total["import"], abs=0.2)


def test_other_addresses_have_no_meter(sim, ask):
    body = ask(sim, PATH, params={**DAY, "address": "8"}).json()
    assert (body["data"], body["meta"]["total"]) == ([], 0)


def test_nothing_before_commissioning_nor_after_now(sim):
    early = rows(sim, start_time="2022-05-01T00:00:00Z", end_time="2022-05-10T00:00:00Z")
    assert early[0]["time"] == "2022-05-09T23:00:00Z"
    latest = rows(sim, start_time="2024-07-10T00:00:00Z", end_time="2024-07-10T12:10:00Z")
    assert latest[-1]["time"] == "2024-07-10T12:10:00Z"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"address": None}, "address"),
        ({"address": "0"}, "address"),
        ({"address": "9"}, "address"),
        ({"start_time": None}, "start_time"),
        ({"start_time": "2024-07-01"}, "start_time"),
        ({"end_time": "2024-07-10T12:10:01Z"}, "end_time"),
        ({"end_time": "2024-07-01T22:59:59Z"}, "end_time"),
    ],
)
def test_wrong_parameters_are_422(sim, ask, change, field):
    query = {name: text for name, text in {**DAY, **change}.items() if text is not None}
    answer = ask(sim, PATH, params=query)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]


def test_access(sim, ask):
    assert ask(sim, PATH, params=DAY, token="reader").status_code == 403
    assert ask(sim, PATH, params=DAY, token="other").status_code == 403
    assert ask(sim, "/inverter/XX/meter/data", params=DAY).status_code == 404


def test_rows_put_in_place_are_filtered(ask):
    given = [{"time": f"2024-07-0{day}T12:00:00Z", "address": 1} for day in (1, 2, 3)]
    config = SimulatorConfig(clock=NOW)
    with Simulator(config) as sim:
        sim.set_listing("inverter-meter-data", SERIAL, given)
        assert ask(sim, PATH, params=DAY).json()["data"] == given[1:2]
