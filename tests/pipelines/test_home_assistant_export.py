"""Statistics for Home Assistant: their hours against what the API sends, and the files' rules."""

from datetime import UTC, date, datetime, timedelta

import pytest

from pipelines.home_assistant.dashboard_guide import guide
from pipelines.home_assistant.statistic import (
    ENERGIES,
    Content,
    DerivedHours,
    Subject,
    SubjectKind,
    Written,
)
from pipelines.home_assistant.statistic_names import unique_names
from simulator import Simulator
from tests.support.flow_rows import LONDON, half_hours
from tests.support.home_assistant_command import export, ingested, refused
from tests.support.home_assistant_files import STATISTIC_ID, by_day, by_hour
from tests.support.mart_house import (
    AUTUMN,
    DAYS,
    EVENING_LOST,
    NIGHT_ONLY,
    SPRING,
    UNKNOWN,
    config,
    fill,
    house_settings,
)
from tests.support.owner import Owner
from tests.support.tariff_text import TARIFF

PARTS = {
    "solar": ("pv_to_home", "pv_to_battery", "pv_to_grid"),
    "grid_import": ("grid_to_home", "grid_to_battery"),
    "grid_export": ("pv_to_grid", "battery_to_grid"),
    "battery_charge": ("pv_to_battery", "grid_to_battery"),
    "battery_discharge": ("battery_to_home", "battery_to_grid"),
}
COLUMNS = {
    "solar": "solar_kwh",
    "grid_import": "import_kwh",
    "grid_export": "export_kwh",
    "battery_charge": "charge_kwh",
    "battery_discharge": "discharge_kwh",
}
COSTS = {"import_cost", "export_income"}
TOLERANCE = 0.001 + 1e-9
HOUR, HALF_HOUR = timedelta(hours=1), timedelta(minutes=30)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with Simulator(house_settings()) as sim:
        yield fill(sim, tmp_path_factory)


@pytest.fixture
def to(tmp_path):
    return tmp_path / "statistics"


def name_of(house, measure):
    return f"givlake:{house.serial.lower()}_{measure}"


def without_noise(kwh):
    return 0 if abs(kwh) < 0.005 else kwh


def daily_energy(house):
    rows = house.owner.sql("FROM daily_energy")
    return {row["local_date"]: row for row in rows if row["is_complete"]}


def test_hours_are_the_flows_of_both_half_hours(house, to):
    sums, _ = export(house.owner, to)
    for measure, parts in PARTS.items():
        hours = by_hour(sums[name_of(house, measure)])
        compared = 0
        for start in house.flows:
            if start.minute or start + HALF_HOUR not in house.flows:
                continue
            halves = (house.flows[start], house.flows[start + HALF_HOUR])
            true = sum(without_noise(half[part]) for half in halves for part in parts)
            assert hours[start] == pytest.approx(true, abs=TOLERANCE)
            compared += 1
        assert compared > 24 * 10


@pytest.mark.slow
@pytest.mark.parametrize(("day", "length"), [(SPRING, 23), (AUTUMN, 25), (date(2024, 6, 10), 24)])
def test_days_have_their_hours_and_the_energy_of_daily_energy(house, to, day, length):
    sums, _ = export(house.owner, to)
    energies = daily_energy(house)
    assert len(half_hours(day)) == 2 * length
    for measure, column in COLUMNS.items():
        total, hours = by_day(sums[name_of(house, measure)], LONDON)[day]
        assert hours == length
        assert total == pytest.approx(energies[day][column], abs=TOLERANCE)


@pytest.mark.slow
def test_every_day_of_flows_has_the_energy_of_daily_energy(house, to):
    sums, _ = export(house.owner, to)
    days = {day: row for day, row in daily_energy(house).items() if row["source"] == "energy_flows"}
    assert len(days) == len(DAYS) - 5
    for measure, column in COLUMNS.items():
        found = by_day(sums[name_of(house, measure)], LONDON)
        for day, row in days.items():
            assert found[day][0] == pytest.approx(row[column], abs=TOLERANCE)


@pytest.mark.slow
def test_unknown_hours_are_left_out_and_named(house, to):
    sums, guide = export(house.owner, to)
    found = by_day(sums[name_of(house, "grid_import")], LONDON)
    assert UNKNOWN not in found
    assert found[EVENING_LOST][1] < 23
    assert found.get(NIGHT_ONLY, (0, 0))[1] <= 1
    assert "2024-06-12 2" in guide
    assert "to 2024-06-14 22:00" in guide


@pytest.mark.slow
def test_days_of_counters_are_added_to_their_last_hour_if_wanted(tmp_path, to):
    """Without flows and with a gap between points, only the counters know the whole day."""
    day, last_hour = date(2024, 6, 10), datetime(2024, 6, 10, 22, tzinfo=UTC)
    with Simulator(config()) as sim:
        (serial,) = sim.serials
        sim.set_listing("energy-flows", serial, [])
        points = sim.truth(serial, day)
        gap = ("2024-06-10T09:00:00Z", "2024-06-10T13:00:00Z")
        sim.set_rows(serial, day, [row for row in points if not gap[0] <= row["time"] < gap[1]])
        owner = ingested(sim, tmp_path, day, day, "energy_flows", "inverter_data_points")
        (energy,) = owner.sql(f"FROM daily_energy WHERE local_date = '{day}'")
        assert (energy["source"], energy["is_complete"]) == ("inverter_data_points", True)
        before, plain = export(owner, to)
        after, guide = export(owner, to, "--with-days", "--overwrite")
        listed, advice = f"in its last full hour: {day}", "`--with-days` puts the rest"
        assert (listed in plain, advice in plain) == (False, True)
        assert (listed in guide, advice in guide) == (True, False)
        for measure, column in COLUMNS.items():
            name = f"givlake:{serial.lower()}_{measure}"
            if not energy[column]:
                continue
            known = by_hour(before[name])
            whole = by_hour(after[name])
            assert 12 <= len(known) <= 20
            assert {start for start in known if start != last_hour} | {last_hour} == set(whole)
            for start in set(known) - {last_hour}:
                assert whole[start] == pytest.approx(known[start], abs=TOLERANCE)
            total = max(energy[column], sum(known.values()))
            assert sum(whole.values()) == pytest.approx(total, abs=TOLERANCE)


@pytest.mark.slow
def test_the_car_is_charged_in_the_hours_of_its_sessions(house, to):
    sums, guide = export(house.owner, to)
    (name,) = (name for name in sums if name.endswith("_ev"))
    rows = house.owner.sql("SELECT sum(energy_kwh) AS kwh FROM ev_session_half_hours")
    assert list(sums[name].values())[-1] == pytest.approx(rows[0]["kwh"], abs=TOLERANCE)
    assert f"- `{name}`: " in guide


@pytest.mark.slow
def test_without_a_tariff_there_is_no_money(house, to):
    sums, guide = export(house.owner, to)
    assert not [name for name in sums if name.endswith(tuple(COSTS))]
    assert "givlake tariffs load FILE" in guide


@pytest.mark.slow
def test_costs_have_the_currency_of_the_tariff_and_may_fall(tmp_path_factory, to):
    with Simulator(house_settings()) as sim:
        house = fill(sim, tmp_path_factory)
        file = house.owner.folder / "go.toml"
        file.write_text(TARIFF)
        for command in (
            ("tariffs", "load", file),
            ("tariffs", "use", "go", "--from", "2024-06-01"),
        ):
            done = house.owner.givlake(*command)
            assert done.status == 0, done.output
        assert house.owner.givlake("build").status == 0
        sums, guide = export(house.owner, to)
        rows = house.owner.sql("FROM cost_half_hourly WHERE import_cost_eur IS NOT NULL")
        costs = {row["start_at"]: row["import_cost_eur"] for row in rows}
        hours = by_hour(sums[name_of(house, "import_cost")])
        assert min(hours) >= datetime(2024, 5, 31, 23, tzinfo=UTC)
        for start, cost in hours.items():
            assert cost == pytest.approx(costs[start] + costs[start + HALF_HOUR], abs=TOLERANCE)
        assert min(hours.values()) < 0
        assert "\tEUR\t" in (to / "statistics.tsv").read_text()
        assert f"let `{name_of(house, 'import_cost')}` fall" in guide


@pytest.mark.slow
def test_an_export_of_some_days_begins_with_zero(house, to):
    sums, guide = export(house.owner, to, "--start", AUTUMN, "--end", AUTUMN)
    hours = sums[name_of(house, "grid_import")]
    starts = half_hours(AUTUMN)[::2]
    assert list(hours) == starts
    assert "its sums" in guide
    energy = daily_energy(house)[AUTUMN]["import_kwh"]
    assert hours[starts[-1]] == pytest.approx(energy, abs=TOLERANCE)


@pytest.mark.slow
def test_one_device_is_exported_alone(house, to):
    sums, _ = export(house.owner, to, "--device", house.serial)
    assert set(sums) <= {name_of(house, measure) for measure in PARTS}
    (uuid,) = (
        row["charger_uuid"]
        for row in house.owner.sql("SELECT DISTINCT charger_uuid FROM ev_charging_sessions")
    )
    sums, guide = export(house.owner, to, "--device", uuid, "--overwrite")
    assert [name.rpartition("_")[2] for name in sums] == ["ev"]
    assert "No site is in this export as a whole" in guide
    assert "no site is in this export as a whole" in guide
    assert "Cost or income that is 0" not in guide


def test_options_of_other_formats_are_refused(house, to):
    assert "--dataset" in refused(house.owner, to, "--dataset", "energy_flows")
    done = house.owner.givlake("export", "--to", to, "--with-days")
    assert (done.status, "--format home-assistant" in done.err) == (2, True)
    assert not to.exists()


def test_a_folder_without_data_is_named(tmp_path, to):
    owner = Owner(tmp_path, {}, token=None)
    assert "givlake backfill" in refused(owner, to)
    assert not to.exists()


@pytest.mark.slow
def test_a_site_with_a_gateway_is_counted_once(tmp_path, to):
    day = date(2024, 6, 10)
    with Simulator(config(inverters=3, gateways=1)) as sim:
        owner = ingested(sim, tmp_path, day, day)
        (gateway,) = owner.sql("FROM device_roles WHERE role = 'whole_site'")
        sums, guide = export(owner, to)
        (site,) = owner.sql(f"FROM site_daily WHERE local_date = '{day}'")
        serials = set(sim.serials) - {gateway["inverter_serial"]}
        for measure, column in COLUMNS.items():
            name = f"givlake:site_70001_{measure}"
            if site[column]:
                total, hours = by_day(sums[name], LONDON)[day]
                assert (total, hours) == (pytest.approx(site[column], abs=TOLERANCE), 24)
        assert {name.split(":")[1].split("_")[0] for name in sums} == {
            "site", *(serial.lower() for serial in serials)
        }  # fmt: skip
        assert "| Solar panels: production | `givlake:site_70001_solar` |" in guide
        assert f"Inverter {gateway['inverter_serial']} alone measures site 70001" in guide
        assert "never both" in guide


@pytest.mark.slow
def test_a_site_of_unknown_meter_has_no_grid(tmp_path, to):
    day = date(2024, 6, 10)
    with Simulator(config(inverters=2)) as sim:
        owner = ingested(sim, tmp_path, day, day)
        sums, guide = export(owner, to)
        assert "givlake:site_70001_solar" in sums
        assert "givlake:site_70001_grid_import" not in sums
        assert "givlake roles set INVERTER grid_meter" in guide
        assert owner.givlake("roles", "set", sim.serials[0], "grid_meter").status == 0
        sums, guide = export(owner, to, "--overwrite")
        imported = sums["givlake:site_70001_grid_import"]
        assert imported == sums[f"givlake:{sim.serials[0].lower()}_grid_import"]
        assert "givlake roles set" not in guide


@pytest.mark.slow
def test_the_running_hour_is_left_out(tmp_path, to):
    now = datetime(2024, 6, 10, 9, 40, tzinfo=UTC)
    with Simulator(config(clock=now)) as sim:
        owner = ingested(sim, tmp_path, now.date() - timedelta(days=1), now.date())
        sums, _ = export(owner, to)
        known = {
            row["start_at"] for row in owner.sql("FROM energy_flows WHERE fetched_at >= end_at")
        }
        for hours in sums.values():
            assert set(hours) == {
                start for start in known if not start.minute and start + HALF_HOUR in known
            }
            assert datetime(2024, 6, 10, tzinfo=UTC) < max(hours) <= now - HOUR


@pytest.mark.slow
def test_a_zone_of_half_hours_has_full_hours_in_utc(tmp_path, to):
    day = date(2024, 6, 10)
    with Simulator(config()) as sim:
        next_day = day + timedelta(days=1)
        owner = ingested(sim, tmp_path, day, next_day, GIVLAKE_TIMEZONE="Asia/Kolkata")
        sums, guide = export(owner, to)
        hours = next(iter(sums.values()))
        first = owner.sql("SELECT min(start_at) AS at FROM half_hourly_balance")[0]["at"]
        assert first.minute == 30
        assert min(hours) == first + HALF_HOUR
        assert "half an hour off" in guide


def test_names_are_unique_and_valid_whatever_a_device_is_called():
    texts = ["CE1234", "ce1234", "__A--b__", "", "<script>", "日本", "x" * 300, "a_b", "A B", "A B"]
    names = unique_names(dict(enumerate(texts)))
    assert len(set(names.values())) == len(texts)
    for name in names.values():
        assert STATISTIC_ID.fullmatch(f"givlake:{name}_solar")
    plain = {"one": "CE1234G567", "two": "site 7"}
    assert unique_names(plain) == {"one": "ce1234g567", "two": "site_7"}


def test_nothing_of_a_device_becomes_markup_in_the_guide():
    label = "Inverter <script>alert(1)</script>|`x`\n# Title"
    subject = Subject("x", SubjectKind.INVERTER, "x", label)
    at = datetime(2024, 6, 10, tzinfo=UTC)
    one = Written(
        "givlake:x_solar", subject, ENERGIES[0], "kWh", 1, at, at, 1.0, False, (), (),
    )  # fmt: skip
    content = Content(
        (one,), "GBP", (), {label: 2}, True, (label,), {}, {label: label},
        (label,), {label: DerivedHours(1, at.date(), at.date())}, (label,), True, True, True,
    )  # fmt: skip
    text = guide(content)
    assert "\\<script\\>alert\\(1\\)\\</script\\>\\|\\`x\\`?\\# Title" in text
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "\n# Title" not in text
