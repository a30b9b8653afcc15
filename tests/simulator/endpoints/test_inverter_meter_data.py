"""History of an inverter's own meter, since version 1.35: rows by phase, dates, parameters."""

import datetime as dt

import pytest

from simulator import Simulator, SimulatorConfig, TokenGrant
from simulator.endpoints.inverter_meter_data import has_three_phases
from tests.support.api_examples import METER_ROW

NOW = dt.datetime(2024, 7, 10, 12, 10, tzinfo=dt.UTC)
SERIAL = "XA0000G000"
PATH = f"/inverter/{SERIAL}/meter/data"
DAY = {"address": "1", "start_time": "2024-07-02", "end_time": "2024-07-03"}


def config(**settings):
    return SimulatorConfig(
        inverters=4,
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
        **settings,
    )


@pytest.fixture(scope="module")
def sim():
    with Simulator(config()) as simulator:
        yield simulator


def rows(sim, serial=SERIAL, **change):
    return sim.truth_of("inverter-meter-data", serial, **{**DAY, **change})


@pytest.mark.parametrize("version", ["1.26", "1.35"])
def test_the_version_before_lacks_it(ask, version):
    with Simulator(SimulatorConfig(api_version=version)) as sim:
        assert ask(sim, PATH, params=DAY).status_code == {"1.26": 404, "1.35": 200}[version]


def test_an_answer_has_all_rows_and_nothing_of_pages(sim, ask):
    everything = rows(sim)
    assert len(everything) == 288
    assert ask(sim, PATH, params={**DAY, "page": 2, "pageSize": 10}).json() == {"data": everything}
    assert [row["time"] for row in everything[:2]] == [
        "2024-07-02T00:00:00.000000Z",
        "2024-07-02T00:05:00.000000Z",
    ]
    assert everything[-1]["time"] == "2024-07-02T23:55:00.000000Z"


def test_parameters_come_in_the_query_or_in_the_body(sim, ask):
    everything = {"data": rows(sim)}
    assert ask(sim, PATH, json=DAY).json() == everything
    assert ask(sim, PATH, json=DAY, params=DAY).json() == everything
    with Simulator(config(get_bodies_refused=True)) as strict:
        assert ask(strict, PATH, params=DAY).json() == everything
        assert ask(strict, PATH, params=DAY, json=DAY).status_code == 400


def test_values_hang_together(sim):
    for row in rows(sim):
        assert row.keys() == METER_ROW.keys()
        apparent = (row["active_power_total"] ** 2 + row["reactive_power_total"] ** 2) ** 0.5
        assert row["apparent_power_total"] == pytest.approx(apparent, abs=2)
        current = row["apparent_power_total"] / row["voltage_1"]
        assert row["current_total"] == row["current_ln"] == pytest.approx(current, abs=0.02)
        assert 230 < row["voltage_1"] < 255
        assert 49 < row["frequency"] < 51
        assert -1 <= row["power_factor_total"] <= 1
        net = row["import_active_energy"] - row["export_active_energy"]
        assert row["active_energy_net"] == pytest.approx(net, abs=0.11)


@pytest.mark.parametrize("serial", ["XA0000G000", "XA0000G001", "XA0000G002", "XA0000G003"])
def test_phases_of_a_house(sim, serial):
    device = next(device for device in sim.devices if device.serial == serial)
    absent = {0: 0, 1: None, 2: 0}.get(device.number)
    for row in rows(sim, serial):
        parts = [row[f"active_power_{number}"] for number in (1, 2, 3)]
        if has_three_phases(device):
            assert (device.number, row["current_ln"]) == (3, 0)
            assert parts == [pytest.approx(row["active_power_total"] / 3, abs=0.1)] * 3
            assert row["voltage_3"] == pytest.approx(row["voltage_1"] + 2, abs=0.11)
        else:
            assert parts == [row["active_power_total"], absent, absent]
            assert {row[name] for name in row if name.endswith(("_2", "_3"))} == {absent}


def test_registers_agree_with_points_and_flows(ask):
    with Simulator(config(meter_dates="local, last included")) as sim:
        everything = rows(sim, end_time="2024-07-02")
        assert everything[0]["time"] == "2024-07-01T23:00:00.000000Z"
        last = rows(sim, end_time="2024-07-03")[288]
        imported = last["import_active_energy"] - everything[0]["import_active_energy"]
        exported = last["export_active_energy"] - everything[0]["export_active_energy"]
        (flows,) = sim.truth_of(
            "energy-flows", SERIAL, start_time="2024-07-02", end_time="2024-07-02", grouping=1
        )
        kwh = flows["data"]
        assert imported == pytest.approx(kwh["3"] + kwh["4"], abs=0.15)
        assert exported == pytest.approx(kwh["2"] + kwh["6"], abs=0.15)
        total = sim.truth(SERIAL, "2024-07-02")[-1]["total"]["grid"]
        assert last["import_active_energy"] == pytest.approx(total["import"], abs=0.2)


@pytest.mark.parametrize(
    ("reading", "first", "last"),
    [
        ("utc", "2024-07-02T00:00", "2024-07-02T23:55"),
        ("local", "2024-07-01T23:00", "2024-07-02T22:55"),
        ("utc, last included", "2024-07-02T00:00", "2024-07-03T23:55"),
        ("local, last included", "2024-07-01T23:00", "2024-07-03T22:55"),
    ],
)
def test_dates_are_read_as_the_settings_say(reading, first, last):
    with Simulator(config(meter_dates=reading)) as sim:
        everything = rows(sim)
        found = (everything[0]["time"][:16], everything[-1]["time"][:16])
        assert found == (first, last)


def test_other_addresses_have_no_meter(sim, ask):
    assert ask(sim, PATH, params={**DAY, "address": "8"}).json() == {"data": []}


def test_nothing_before_commissioning_nor_after_now(sim):
    early = rows(sim, start_time="2022-05-01", end_time="2022-05-11")
    assert early[0]["time"] == "2022-05-09T23:00:00.000000Z"
    latest = rows(sim, start_time="2024-07-10", end_time="2024-07-12")
    assert latest[-1]["time"] == "2024-07-10T12:10:00.000000Z"
    assert rows(sim, end_time="2024-07-02") == []


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"address": None}, "address", "The address field is required."),
        ({"address": "0"}, "address", "The address must be between 1 and 8."),
        ({"address": "9"}, "address", "The address must be between 1 and 8."),
        ({"start_time": None}, "start_time", "The start time field is required."),
        ({"start_time": "yesterday"}, "start_time", "The start time is not a valid date."),
        ({"start_time": "20240702"}, "start_time", "The start time is not a valid date."),
        ({"end_time": None}, "end_time", "The end time field is required."),
        ({"end_time": "2024-07-32"}, "end_time", "The end time is not a valid date."),
        ({"end_time": "2024-W28-1"}, "end_time", "The end time is not a valid date."),
        (
            {"end_time": "2024-07-01"},
            "end_time",
            "The end time must be a date after or equal to start time.",
        ),
    ],
)
def test_wrong_parameters_are_422(sim, ask, change, field, message):
    query = {name: text for name, text in {**DAY, **change}.items() if text is not None}
    answer = ask(sim, PATH, params=query)
    assert answer.status_code == 422
    assert answer.json()["errors"] == {field: [message]}


def test_a_range_can_be_too_long(ask):
    with Simulator(config(meter_max_days=1)) as sim:
        assert ask(sim, PATH, params=DAY).status_code == 200
        answer = ask(sim, PATH, params={**DAY, "end_time": "2024-07-04"})
        assert answer.json()["errors"] == {"end_time": ["The range must have at most 1 days."]}


def test_access(sim, ask):
    assert ask(sim, PATH, params=DAY, token="reader").status_code == 403
    assert ask(sim, PATH, params=DAY, token="other").status_code == 403
    assert ask(sim, "/inverter/XX/meter/data", params=DAY).status_code == 404


def test_rows_put_in_place_are_filtered(ask):
    given = [{"time": f"2024-07-0{day}T12:00:00.000000Z"} for day in (1, 2, 3)]
    with Simulator(SimulatorConfig(clock=NOW)) as sim:
        sim.set_listing("inverter-meter-data", SERIAL, given)
        assert ask(sim, PATH, params=DAY).json()["data"] == given[1:2]
