"""Marts of charging sessions, against the simulation and against the mix of the home."""

from datetime import UTC, date, datetime, timedelta

import pytest

from simulator import Simulator
from tests.support.flow_rows import FLOWS, LONDON, midnight, sent_half_hours
from tests.support.mart_house import config
from tests.support.owner import Owner
from tests.support.simulator_truth import days_between

pytestmark = pytest.mark.slow

FIRST, LAST = date(2024, 10, 23), date(2024, 10, 29)
DATASETS = "communication_devices,energy_flows,ev_charging_sessions,ev_meter_readings"
TARIFF = """
name = "go"
[[period]]
from = 2024-01-01
standing_charge = 53.80
import = [{ price = 27.00 }, { price = 8.50, start = "00:30", end = "05:30" }]
export = [{ price = 15.00 }]
"""


def filled(sim, folder, datasets=DATASETS):
    settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": datasets}
    owner = Owner(folder, settings, token=sim.token)
    (folder / "go.toml").write_text(TARIFF)
    for command in (
        ("backfill", "--start", FIRST, "--end", LAST),
        ("tariffs", "load", "go.toml"),
        ("tariffs", "use", "go", "--from", "2024-01-01"),
    ):
        done = owner.givlake(*command)
        assert done.status == 0, done.output
    return owner


def account(**settings):
    return config(
        ev_chargers=1, ev_points_every_s=300, cheap_hours="23:30-05:30",
        commissioned=date(2024, 9, 1), clock=datetime(2024, 11, 20, 12, tzinfo=UTC), **settings,
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with Simulator(account()) as sim:
        yield sim, filled(sim, tmp_path_factory.mktemp("home"))


def true_sessions(sim):
    start, end = midnight(FIRST), midnight(LAST + timedelta(days=1))
    return {each.started_at: each for each in sim.charged(sim.charger_uuids[0], start, end)}


def stored(owner, sim, mart):
    times = ", ".join(f"'{start:%Y-%m-%dT%H:%M:%SZ}'::timestamptz" for start in true_sessions(sim))
    return owner.sql(f"FROM {mart} WHERE started_at IN ({times}) ORDER BY ALL")


def pence_at(start):
    local = start.astimezone(LONDON)
    return 8.5 if (0, 30) <= (local.hour, local.minute) < (5, 30) else 27.0


def test_a_session_has_the_energy_that_the_car_charged_by_half_hour(home):
    sim, owner = home
    halves = stored(owner, sim, "ev_session_half_hours")
    sessions = {row["started_at"]: row for row in stored(owner, sim, "ev_sessions")}
    true = true_sessions(sim)
    assert sessions.keys() == true.keys()
    assert len(true) >= 3
    for start, session in true.items():
        row = sessions[start]
        assert row["energy_kwh"] == pytest.approx(session.kwh, abs=1e-6)
        assert row["stopped_at"] == session.stopped_at
        duration_s = (session.stopped_at - start).total_seconds()
        assert row["duration_s"] == duration_s
        assert row["power_mean_w"] == pytest.approx(3.6e6 * session.kwh / duration_s, abs=0.06)
        own = {each["start_at"]: each for each in halves if each["started_at"] == start}
        assert sum(each["energy_kwh"] for each in own.values()) == pytest.approx(session.kwh)
        for begin, kwh in session.half_hours:
            assert own[begin]["energy_kwh"] == pytest.approx(kwh, abs=0.12)
    # Some are charged over midnight; each is one session, of the day on which it began.
    nights = [
        row
        for row in sessions.values()
        if row["stopped_at"].astimezone(LONDON).date() > row["local_date"]
    ]
    assert nights
    assert all(row["local_date"] == row["started_at"].astimezone(LONDON).date() for row in nights)


def test_the_car_has_the_mix_of_the_home(home):
    sim, owner = home
    (serial,) = sim.serials
    flows = {}
    for day in days_between(FIRST, LAST):
        flows |= sent_half_hours(sim, serial, day)
    halves = stored(owner, sim, "ev_session_half_hours")
    known = [row for row in halves if row["start_at"] in flows]
    for row in known:
        mix = {
            n: 0 if abs(flows[row["start_at"]][n]) < 0.005 else flows[row["start_at"]][n]
            for n in FLOWS
        }
        home_kwh = mix["pv_to_home"] + mix["grid_to_home"] + mix["battery_to_home"]
        assert row["home_kwh"] == pytest.approx(home_kwh)
        for column, flow in (("solar", "pv"), ("battery", "battery"), ("grid", "grid")):
            part = row["energy_kwh"] * mix[f"{flow}_to_home"] / home_kwh
            assert row[f"{column}_kwh"] == pytest.approx(part, abs=1e-9)
        assert (row["import_pence"], row["export_pence"]) == (pence_at(row["start_at"]), 15.0)
    compared = 0
    for row in stored(owner, sim, "ev_sessions"):
        own = [each for each in halves if each["started_at"] == row["started_at"]]
        if any(each["start_at"] not in flows for each in own):
            assert not row["is_complete"]
            continue
        compared += 1
        session = true_sessions(sim)[row["started_at"]]
        assert row["on_home_meter"]
        parts = row["solar_kwh"] + row["battery_kwh"] + row["grid_kwh"]
        assert parts == pytest.approx(session.kwh, abs=0.002)
        true = (session.from_pv_kwh, session.from_battery_kwh, session.from_grid_kwh)
        found = (row["solar_kwh"], row["battery_kwh"], row["grid_kwh"])
        assert found == pytest.approx(true, abs=0.1 + 0.02 * session.kwh)
        cost = sum(each["grid_kwh"] * pence_at(each["start_at"]) for each in own) / 100
        whole = sum(each["energy_kwh"] * pence_at(each["start_at"]) for each in own) / 100
        assert row["cost_gbp"] == pytest.approx(cost, abs=1e-6)
        assert row["cost_without_solar_gbp"] == pytest.approx(whole, abs=1e-6)
        assert row["export_forgone_gbp"] == pytest.approx(0.15 * row["solar_kwh"], abs=1e-4)
    assert compared >= 2


def test_without_readings_a_session_is_spread_evenly_and_judged_as_a_whole(tmp_path):
    with Simulator(account()) as sim:
        owner = filled(sim, tmp_path, DATASETS.removesuffix(",ev_meter_readings"))
        rows = [row for row in stored(owner, sim, "ev_sessions") if row["is_complete"]]
        assert rows
        for row in rows:
            assert row["source"] == "ev_charging_sessions"
            # The car is on the home's meter, even where its energy is in the wrong half hours.
            assert row["on_home_meter"] in (True, None)
            assert (row["cost_gbp"] is None) == (row["on_home_meter"] is None)
        halves = stored(owner, sim, "ev_session_half_hours")
        for row in rows:
            own = [each for each in halves if each["started_at"] == row["started_at"]]
            kwh_per_s = row["energy_kwh"] / row["duration_s"]
            assert max(each["energy_kwh"] for each in own) <= 1800.1 * kwh_per_s
            assert sum(each["energy_kwh"] for each in own) == pytest.approx(row["energy_kwh"])


def test_a_charger_on_a_supply_of_its_own_has_no_sources(tmp_path):
    with Simulator(account(ev_on_home_meter=False)) as sim:
        owner = filled(sim, tmp_path)
        rows = [row for row in stored(owner, sim, "ev_sessions") if row["energy_kwh"] > 2]
        halves = stored(owner, sim, "ev_session_half_hours")
        assert rows
        for row in rows:
            assert row["on_home_meter"] is False
            assert {row["solar_kwh"], row["battery_kwh"], row["grid_kwh"]} == {None}
            own = [each for each in halves if each["started_at"] == row["started_at"]]
            whole = sum(each["energy_kwh"] * pence_at(each["start_at"]) for each in own) / 100
            assert row["cost_gbp"] == pytest.approx(whole, abs=1e-6)
