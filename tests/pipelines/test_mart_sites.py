"""Marts of sites with several inverters: what counts, and what cannot be known."""

from datetime import date, timedelta

import pytest

from simulator import Simulator
from tests.support.flow_rows import FLOWS, half_hours, sent_half_hours
from tests.support.mart_house import config
from tests.support.owner import Owner

pytestmark = pytest.mark.slow

DAY = date(2024, 6, 10)
LOST_DAY = DAY + timedelta(days=1)
# A range of flows contains the half hour that begins at its end.
AFTER = LOST_DAY + timedelta(days=1)
SITE = "70001"
SUMS = {
    "solar_kwh": ("pv_to_home", "pv_to_battery", "pv_to_grid"),
    "charge_kwh": ("pv_to_battery", "grid_to_battery"),
    "discharge_kwh": ("battery_to_home", "battery_to_grid"),
    "import_kwh": ("grid_to_home", "grid_to_battery"),
    "export_kwh": ("pv_to_grid", "battery_to_grid"),
    "home_kwh": ("pv_to_home", "grid_to_home", "battery_to_home"),
}
ADDED = ("solar_kwh", "charge_kwh", "discharge_kwh")
OF_THE_GRID = ("import_kwh", "export_kwh", "home_kwh")


def sums_of(flows):
    """Add up what the marts have columns of, with noise below 0.005 kWh taken for nothing."""
    flows = {name: 0 if abs(kwh) < 0.005 else kwh for name, kwh in flows.items()}
    return {total: sum(flows[part] for part in parts) for total, parts in SUMS.items()}


def owner_of(sim, folder):
    """Ingest two days; on the second the last inverter lacks the half hour of noon."""
    last = sim.serials[-1]
    rows = sim.truth_of(
        "energy-flows", last, start_time=str(DAY), end_time=f"{AFTER} 23:30", grouping=0
    )
    sim.set_listing(
        "energy-flows", last, [row for row in rows if row["start_time"] != f"{LOST_DAY} 12:00"]
    )
    settings = {
        "GIVENERGY_API_URL": sim.base_url,
        "GIVLAKE_DATASETS": "communication_devices,energy_flows",
    }
    owner = Owner(folder, settings, token=sim.token)
    done = owner.givlake("backfill", "--start", DAY, "--end", LOST_DAY)
    assert done.status == 0, done.output
    return owner


def sent(sim, day):
    return {
        serial: {
            start: sums_of(flows) for start, flows in sent_half_hours(sim, serial, day).items()
        }
        for serial in sim.serials
    }


def rows_of(owner, mart, day):
    rows = owner.sql(f"FROM {mart} WHERE local_date = '{day}'")
    assert {row["site"] for row in rows} == {SITE}
    return rows


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    with Simulator(config(inverters=2)) as sim:
        yield sim, owner_of(sim, tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def with_gateway(tmp_path_factory):
    with Simulator(config(inverters=3, gateways=1)) as sim:
        yield sim, owner_of(sim, tmp_path_factory.mktemp("gateway"))


def test_without_a_gateway_solar_adds_up_and_the_grid_is_unknown(pair):
    sim, owner = pair
    owner.givlake("roles", "clear", sim.serials[0])
    halves = {row["start_at"]: row for row in rows_of(owner, "site_half_hourly", DAY)}
    both = sent(sim, DAY)
    assert sorted(halves) == half_hours(DAY)
    for start, row in halves.items():
        for name in ADDED:
            true = sum(both[serial][start][name] for serial in sim.serials)
            assert row[name] == pytest.approx(true, abs=1e-9)
        unknown = [f"{name}_kwh" for name in FLOWS] + list(OF_THE_GRID)
        assert {row[name] for name in unknown} == {None}
        assert (row["members"], row["members_present"], row["grid_is_certain"]) == (2, 2, False)
    (day,) = rows_of(owner, "site_daily", DAY)
    for name in ADDED:
        true = sum(kwh[name] for serial in sim.serials for kwh in both[serial].values())
        assert day[name] == pytest.approx(true, abs=0.11)
    assert {day[name] for name in OF_THE_GRID} == {None}
    assert (day["members"], day["members_present"], day["is_complete"]) == (2, 2, True)
    roles = owner.sql("SELECT role, count(*) AS n FROM site_members GROUP BY role")
    assert [row["role"] for row in roles] == ["member"]


def test_a_role_that_is_set_makes_the_grid_known(pair):
    sim, owner = pair
    meter, other = sim.serials
    done = owner.givlake("roles", "set", meter, "grid_meter")
    assert done.status == 0, done.output
    both = sent(sim, DAY)
    for row in rows_of(owner, "site_half_hourly", DAY):
        metered, added = both[meter][row["start_at"]], both[other][row["start_at"]]
        assert row["import_kwh"] == pytest.approx(metered["import_kwh"], abs=1e-9)
        assert row["export_kwh"] == pytest.approx(metered["export_kwh"], abs=1e-9)
        home = metered["home_kwh"] + (
            added["solar_kwh"] + added["discharge_kwh"] - added["charge_kwh"]
        )
        assert row["home_kwh"] == pytest.approx(max(0, home), abs=1e-9)
        if home > 0:
            # Nothing is lost between the seven flows and their sums, but for what one battery gives
            # to the other.
            kwh = {
                total: sum(row[f"{part}_kwh"] for part in parts) for total, parts in SUMS.items()
            }
            between = row["charge_kwh"] - kwh["charge_kwh"]
            assert between >= -1e-9
            assert row["discharge_kwh"] - kwh["discharge_kwh"] == pytest.approx(between, abs=1e-9)
            for total in ("solar_kwh", "import_kwh", "export_kwh", "home_kwh"):
                assert kwh[total] == pytest.approx(row[total], abs=1e-9), (total, row["start_at"])
            assert min(row[f"{name}_kwh"] for name in FLOWS) >= -1e-9
    (day,) = rows_of(owner, "site_daily", DAY)
    true = sum(kwh["import_kwh"] for kwh in both[meter].values())
    assert day["import_kwh"] == pytest.approx(true, abs=0.11)
    assert day["home_kwh"] is not None
    owner.givlake("roles", "clear", meter)


def test_a_site_lacks_what_one_of_its_members_lacks(pair):
    _, owner = pair
    halves = {row["start_at"]: row for row in rows_of(owner, "site_half_hourly", LOST_DAY)}
    noon = half_hours(LOST_DAY)[24]
    assert {halves[noon][name] for name in (*ADDED, *OF_THE_GRID)} == {None}
    assert (halves[noon]["members_present"], halves[noon]["is_complete"]) == (1, False)
    assert all(row["is_complete"] for start, row in halves.items() if start != noon)
    (day,) = rows_of(owner, "site_daily", LOST_DAY)
    assert {day[name] for name in (*ADDED, *OF_THE_GRID)} == {None}
    assert (day["members"], day["members_present"], day["is_complete"]) == (2, 1, False)


def test_what_a_gateway_measures_is_not_counted_again(with_gateway):
    sim, owner = with_gateway
    gateway = sim.serials[-1]
    roles = {row["inverter_serial"]: row for row in owner.sql("FROM device_roles")}
    assert {serial: row["role"] for serial, row in roles.items()} == {
        gateway: "whole_site",
        **dict.fromkeys(sim.serials[:-1], "ignored"),
    }
    own = sent(sim, DAY)[gateway]
    flows = sent_half_hours(sim, gateway, DAY)
    halves = rows_of(owner, "site_half_hourly", DAY)
    assert {row["start_at"] for row in halves} == set(own)
    for row in halves:
        kwh = own[row["start_at"]]
        assert {name: row[name] for name in kwh} == pytest.approx(kwh, abs=1e-9)
        for name, sent_kwh in flows[row["start_at"]].items():
            shown = 0 if sent_kwh < 0.005 else sent_kwh
            assert row[f"{name}_kwh"] == pytest.approx(shown, abs=1e-9)
        assert (row["members"], row["grid_is_certain"]) == (1, True)
    (day,) = rows_of(owner, "site_daily", DAY)
    (alone,) = owner.sql(
        f"FROM daily_energy WHERE inverter_serial = '{gateway}' AND local_date = '{DAY}'"
    )
    for name in SUMS:
        assert day[name] == alone[name]


def test_an_inverter_that_is_set_to_be_ignored_leaves_the_others(pair):
    sim, owner = pair
    kept, ignored = sim.serials
    owner.givlake("roles", "set", ignored, "ignored")
    own = sent(sim, DAY)[kept]
    for row in rows_of(owner, "site_half_hourly", DAY):
        kwh = own[row["start_at"]]
        assert {name: row[name] for name in kwh} == pytest.approx(kwh, abs=1e-9)
    (day,) = rows_of(owner, "site_daily", LOST_DAY)
    assert (day["members"], day["is_complete"]) == (1, True)
    owner.givlake("roles", "clear", ignored)


def test_a_member_beside_a_gateway_is_added_and_the_owner_is_told(with_gateway):
    sim, owner = with_gateway
    member, *_, gateway = sim.serials
    done = owner.givlake("roles", "set", member, "member")
    assert f"{gateway} counts as the whole site and {member} in addition to it" in done.err
    assert done.status == 0, done.output
    both = sent(sim, DAY)
    (day,) = rows_of(owner, "site_daily", DAY)
    true = sum(kwh["solar_kwh"] for serial in (member, gateway) for kwh in both[serial].values())
    assert (day["solar_kwh"], day["members"]) == (pytest.approx(true, abs=0.11), 2)
    # Set as the whole site, it takes the place of the Gateway.
    done = owner.givlake("roles", "set", member, "whole_site")
    assert (done.status, "in addition to it" in done.output) == (0, False), done.output
    (day,) = rows_of(owner, "site_daily", DAY)
    true = sum(kwh["import_kwh"] for kwh in both[member].values())
    assert (day["import_kwh"], day["members"]) == (pytest.approx(true, abs=0.11), 1)
    owner.givlake("roles", "clear", member)
