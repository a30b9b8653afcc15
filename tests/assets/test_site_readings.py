"""Readings of sites: known leaves are columns, all others are kept; times; several sites."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from assets.site_energy_readings import DATASET as ENERGIES
from assets.site_readings import DATASET as POWERS
from assets.sites import DATASET as SITES
from tests.support.simulated_home import FETCHED_AT, decode, leaves, rows_of

TIME = datetime(2025, 7, 1, 11, 55, tzinfo=UTC)
LISTINGS = {POWERS: "site-data", ENERGIES: "site-energy-data"}
# The column of each leaf that the simulator sends and that is known by name.
COLUMNS = {
    "solar.power": "solar_power_w",
    "grid.power": "grid_power_w",
    "battery.power": "battery_power_w",
    "consumption": "consumption_power_w",
    **{
        f"{period}.{leaf}": f"{period}_{name}_kwh"
        for period in ("today", "total")
        for leaf, name in {
            "solar": "solar",
            "grid.import": "grid_import",
            "grid.export": "grid_export",
            "battery.charge": "battery_charge",
            "battery.discharge": "battery_discharge",
            "consumption": "consumption",
        }.items()
    },
}
BOTH = pytest.mark.parametrize("dataset", [POWERS, ENERGIES], ids=lambda dataset: dataset.name)


def decoded_row(dataset, data):
    decoded = decode(dataset, {"data": data}, device_id="901")
    (row,) = rows_of(decoded, dataset.name)
    return row, decoded


def test_known_leaves_are_columns_and_the_others_are_kept():
    sent = {
        "time": "2025-07-01T11:55:00Z",
        "status": "Normal",
        "solar": {"power": 9_000_000, "arrays": [{"array": 1, "power": 5}], "roof": "flat"},
        "grid": {"voltage": 230.5, "power": -3, "phases": [1, 2]},
        "ev": {"power": 7000},
    }
    row, decoded = decoded_row(POWERS, sent)
    assert {name: value for name, value in row.items() if value is not None} == {
        "site_id": 901,
        "time": TIME,
        "local_time": datetime(2025, 7, 1, 12, 55),
        "local_date": datetime(2025, 7, 1).date(),
        "time_source": "response",
        "status": "Normal",
        # More than one inverter can have.
        "solar_power_w": 9_000_000.0,
        "pv_arrays": [{"array": 1, "voltage_v": None, "current_a": None, "power_w": 5.0}],
        "grid_voltage_v": 230.5,
        "grid_power_w": -3.0,
        "extra_fields": '{"solar.roof":"flat","grid.phases":[1,2],"ev":{"power":7000}}',
    }
    assert decoded.drift == []


@BOTH
@pytest.mark.parametrize("time", ["", None, "soon", 1_700_000_000, "2025-07-01 11:55:00"])
def test_an_answer_without_a_time_is_of_when_it_arrived(dataset, time):
    row, _ = decoded_row(dataset, {"time": time, "other": 1})
    assert (row["time"], row["time_source"]) == (FETCHED_AT, "fetch")
    kept = {} if time is None else {"time": time}
    assert json.loads(row["extra_fields"]) == {"other": 1} | kept


def test_energies_are_columns():
    row, _ = decoded_row(ENERGIES, {"today": {"solar": "1.5", "grid": {"import": 2}}, "total": []})
    assert (row["today_solar_kwh"], row["today_grid_import_kwh"]) == (1.5, 2.0)
    assert row["total_solar_kwh"] is None


@BOTH
@pytest.mark.parametrize("data", [None, [], {}])
def test_an_empty_answer_gives_no_row(dataset, data):
    decoded = decode(dataset, {"data": data}, device_id="901")
    assert (rows_of(decoded, dataset.name), decoded.quarantine.num_rows) == ([], 0)


@BOTH
def test_an_answer_of_nulls_is_no_reading(dataset):
    nulls = {"time": "2025-07-01T11:55:00Z", "solar": {"power": None}, "today": {"solar": None}}
    known = {leaf: nulls[leaf] for leaf in ("time", "solar" if dataset is POWERS else "today")}
    decoded = decode(dataset, {"data": known}, device_id="901")
    assert rows_of(decoded, dataset.name) == []
    assert decoded.quarantine["reason"].to_pylist() == ["no_reading"]


@pytest.mark.parametrize(
    ("dataset", "sent", "columns", "extra"),
    [
        (
            POWERS,
            {"solar": 1200, "grid": "-5", "battery": 300.5},
            {"solar_power_w": 1200.0, "grid_power_w": -5.0, "battery_power_w": 300.5},
            None,
        ),
        (POWERS, {"consumption": {"power": 5}}, {"consumption_power_w": 5.0}, None),
        (
            POWERS,
            {"consumption": {"power": 5, "house": 4}, "solar": "off", "grid": [1]},
            {"consumption_power_w": None, "solar_power_w": None},
            {"consumption": {"power": 5, "house": 4}, "solar": "off", "grid": [1]},
        ),
        (
            POWERS,
            {"status": 3, "battery": {"percent": {"min": 4}, "power": 7}},
            {"status": None, "battery_percent": None, "battery_power_w": 7.0},
            {"status": 3, "battery.percent": {"min": 4}},
        ),
        (
            ENERGIES,
            {"today": 12.3, "total": {"solar": "many", "grid": {"import": 5}}},
            {"today_solar_kwh": None, "total_solar_kwh": None, "total_grid_import_kwh": 5.0},
            {"today": 12.3, "total.solar": "many"},
        ),
        (ENERGIES, {"today": 12.3}, {"today_solar_kwh": None}, {"today": 12.3}),
    ],
)
def test_a_value_of_another_shape_is_kept(dataset, sent, columns, extra):
    row, decoded = decoded_row(dataset, sent)
    assert {name: row[name] for name in columns} == columns
    assert json.loads(row["extra_fields"] or "null") == extra
    assert (decoded.quarantine.num_rows, decoded.drift) == (0, [])


@BOTH
@pytest.mark.parametrize("data", ["x", 3, [3]])
def test_what_is_no_reading_is_quarantined(dataset, data):
    decoded = decode(dataset, {"data": data}, device_id="901")
    assert rows_of(decoded, dataset.name) == []
    assert decoded.quarantine["reason"].to_pylist() == ["not_decodable"]


@pytest.mark.slow_but_first
@BOTH
@pytest.mark.parametrize("shape", ["list", "object"])
def test_the_table_has_what_the_simulator_has(home, dataset, shape):
    at_home = home(undocumented_as=shape, account_type="engineer", children=1)
    sim = at_home.simulator
    own = str(sim.account["id"])
    (listed,) = sim.truth_of("site", own)
    # A second site, of the account below.
    sim.set_listing("site", own, [listed, {**listed, "id": 71_001}])
    at_home.refresh(SITES)
    sites = [listed["id"], 71_001]
    assert at_home.refresh(dataset).failures == []
    energy = "energy-" if dataset is ENERGIES else ""
    assert sorted(at_home.paths()) == [f"/site/{site}/{energy}data/latest" for site in sites]
    for site in sites:
        (row,) = at_home.rows(f"SELECT * FROM {dataset.name} WHERE site_id = {site}")
        (truth,) = sim.truth_of(LISTINGS[dataset], str(site))
        sent = dict(leaves(truth))
        time = sent.pop("time", None)
        assert row["time_source"] == ("response" if time else "fetch")
        if time:
            assert row["time"] == datetime.fromisoformat(time)
        extra = dict(leaves(json.loads(row["extra_fields"])))
        landed = {leaf: row[COLUMNS[leaf]] if leaf in COLUMNS else extra[leaf] for leaf in sent}
        assert landed == sent


@BOTH
def test_an_account_without_a_site_is_asked_nothing(home, dataset):
    at_home = home()
    at_home.simulator.set_listing("site", str(at_home.simulator.account["id"]), [])
    at_home.refresh(SITES)
    report = at_home.refresh(dataset)
    assert (at_home.paths(), report.failures, report.unavailable) == ([], [], [])


@pytest.mark.slow
@BOTH
def test_an_api_without_it_is_asked_once_and_not_with_every_poll(home, dataset):
    at_home = home(api_version="1.26")
    at_home.refresh(SITES)
    report = at_home.refresh(dataset)
    assert (len(at_home.paths()), report.failures, report.stopped) == (1, [], None)
    assert report.unavailable != []
    # A second refusal is believed: from then on it is asked weekly.
    at_home.refresh_later(dataset)
    assert len(at_home.paths()) == 1
    at_home.refresh(dataset)
    assert at_home.paths() == []
    at_home.refresh_later(dataset, hours=2 + 6 * 24)
    assert at_home.paths() == []
    at_home.refresh_later(dataset, hours=2 + 7 * 24)
    assert len(at_home.paths()) == 1


@pytest.mark.slow
def test_readings_of_one_time_are_one_row(home):
    at_home = home(clock=datetime(2025, 7, 1, 12, tzinfo=UTC) + timedelta(seconds=1))
    at_home.refresh(SITES)
    for _ in range(2):
        at_home.refresh(POWERS)
    (count,) = at_home.rows("SELECT count(*) AS rows FROM site_readings")
    assert count["rows"] == 1
