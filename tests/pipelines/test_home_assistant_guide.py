"""What an export for Home Assistant says of itself, where it is not all of an ordinary house."""

from datetime import date, timedelta

import pytest

from simulator import Simulator
from tests.support.flow_rows import FLOWS, flow_rows
from tests.support.home_assistant_command import export, ingested, refused
from tests.support.mart_house import config
from tests.support.tariff_text import TARIFF

DAY = date(2024, 6, 10)
GRID = "Electricity grid: energy imported (grid consumption)"


@pytest.fixture
def to(tmp_path):
    return tmp_path / "statistics"


@pytest.mark.slow
def test_the_guide_names_the_options_to_repeat(tmp_path, to):
    with Simulator(config()) as sim:
        owner = ingested(sim, tmp_path, DAY, DAY)
        _, guide = export(owner, to)
        assert "made without `--with-days`, `--end` and `--device`." in guide
        options = ("--with-days", "--end", DAY, "--device", sim.serials[0], "--overwrite")
        _, guide = export(owner, to, *options)
        assert f"made with --with-days, --end {DAY}, --device {sim.serials[0]}." in guide
        assert "remove the statistics first" in guide


@pytest.mark.slow
def test_the_guide_says_how_to_add_the_integration_and_that_names_lack(tmp_path, to):
    with Simulator(config()) as sim:
        _, guide = export(ingested(sim, tmp_path, DAY, DAY), to)
        steps = guide.partition("## 2.")[0].replace("\n   ", " ")
        restart = (
            "Restart Home Assistant, then choose Settings, Devices & services, Add integration"
        )
        assert -1 < steps.find("HACS") < steps.find(restart) < steps.find("Copy `statistics.tsv`")
        assert "gives the statistics no names" in steps


@pytest.mark.slow
def test_an_only_inverter_stands_for_its_site_only_if_it_is_counted_alone(tmp_path, to):
    with Simulator(config()) as sim:
        owner = ingested(sim, tmp_path, DAY, DAY)
        (serial,) = sim.serials
        own = f"givlake:{serial.lower()}_grid_import"
        _, guide = export(owner, to)
        assert f"| {GRID} | `{own}` |" in guide
        for role in ("member", "ignored"):
            assert owner.givlake("roles", "set", serial, role).status == 0
            sums, guide = export(owner, to, "--overwrite")
            (site,) = owner.sql("SELECT max(import_kwh) AS kwh FROM site_daily") or [{"kwh": None}]
            assert site["kwh"] is None
            assert own in sums
            assert f"| {GRID} | `" not in guide
            assert "several" not in guide
            solar = "givlake:site_70001_solar" in sums
            assert (solar, f"| {GRID} | none: see below |" in guide) == (role == "member",) * 2
            assert ("no single inverter's meter is known" in guide) == (role == "member")
            assert ("No site is in this export as a whole" in guide) == (role == "ignored")
            assert ("givlake tariffs load" in guide) == (role == "member")


@pytest.mark.slow
def test_hours_derived_from_data_points_are_named(tmp_path, to):
    with Simulator(config()) as sim:
        (serial,) = sim.serials
        next_day = DAY + timedelta(days=1)
        datasets = ("energy_flows", "inverter_data_points")
        sim.set_listing("energy-flows", serial, [])
        owner = ingested(sim, tmp_path, DAY, next_day, *datasets)
        sums, guide = export(owner, to)
        hours = len(sums[f"givlake:{serial.lower()}_solar"])
        assert hours >= 40
        assert (
            f"- Inverter {serial}, {hours} hours derived from data points, as the API has no energy"
            f" flows of them: the first on {DAY}, the last on {next_day}."
        ) in guide


@pytest.mark.slow
def test_days_of_counters_have_no_cost(tmp_path, to):
    with Simulator(config()) as sim:
        (serial,) = sim.serials
        sim.set_listing("energy-flows", serial, [])
        gap = (f"{DAY}T09:00:00Z", f"{DAY}T13:00:00Z")
        points = sim.truth(serial, DAY)
        sim.set_rows(serial, DAY, [row for row in points if not gap[0] <= row["time"] < gap[1]])
        owner = ingested(sim, tmp_path, DAY, DAY, "energy_flows", "inverter_data_points")
        file = tmp_path / "go.toml"
        file.write_text(TARIFF)
        assert owner.givlake("tariffs", "load", file).status == 0
        assert owner.givlake("tariffs", "use", "go", "--from", DAY).status == 0
        assert owner.givlake("build").status == 0
        _, plain = export(owner, to)
        sums, guide = export(owner, to, "--with-days", "--overwrite")
        assert f"givlake:{serial.lower()}_import_cost" in sums
        says = "Days by daily counters have energy but no cost"
        assert (says in plain, says in guide) == (False, True)


@pytest.mark.slow
def test_a_gateway_is_chosen_without_what_is_behind_it(tmp_path, to):
    with Simulator(config(inverters=3, gateways=1)) as sim:
        owner = ingested(sim, tmp_path, DAY, DAY)
        (gateway,) = owner.sql("FROM device_roles WHERE role = 'whole_site'")
        sums, guide = export(owner, to, "--device", gateway["inverter_serial"])
        assert {name.rpartition("_")[0] for name in sums} <= {
            "givlake:site_70001", "givlake:site_70001_grid", "givlake:site_70001_battery"
        }  # fmt: skip
        assert "| Solar panels: production | `givlake:site_70001_solar` |" in guide
        (other, *_) = set(sim.serials) - {gateway["inverter_serial"]}
        sums, guide = export(owner, to, "--device", other, "--overwrite")
        assert {name.partition("_")[0] for name in sums} == {f"givlake:{other.lower()}"}
        assert "Cost and income are those of a site, and no site is in this export" in guide


@pytest.mark.slow
def test_a_zone_45_minutes_off_is_refused(tmp_path, to):
    with Simulator(config()) as sim:
        datasets = ("energy_flows", "inverter_data_points")
        sim.set_listing("energy-flows", sim.serials[0], [])
        owner = ingested(sim, tmp_path, DAY, DAY, *datasets, GIVLAKE_TIMEZONE="Asia/Kathmandu")
        assert owner.sql("FROM half_hourly_balance")
        for options in ((), ("--with-days",)):
            error = refused(owner, to, *options)
            assert f"the time zone of inverter {sim.serials[0]} is 15 or 45 minutes off" in error


@pytest.mark.slow
def test_days_without_energy_are_not_called_unknown(tmp_path, to):
    with Simulator(config(ev_chargers=1, ev_points_every_s=300)) as sim:
        (serial,) = sim.serials
        rows = flow_rows(DAY, lambda _: dict.fromkeys(FLOWS, 0.0))
        sim.set_listing("energy-flows", serial, rows)
        owner = ingested(sim, tmp_path, DAY, DAY, "energy_flows", "ev_charging_sessions")
        error = refused(owner, to, "--device", serial)
        assert "all known hours of the chosen devices are 0: there is no energy" in error
        (charger,) = owner.sql("SELECT DISTINCT charger_uuid FROM ev_charging_sessions")
        error = refused(owner, to, "--device", charger["charger_uuid"], "--start", "2020-01-01",
                        "--end", "2020-01-02")  # fmt: skip
        assert "no EV charger has energy in an hour of the chosen days" in error
        assert "givlake backfill" not in error
