"""Charts of the dashboard where a site changes, or where not all of its days are known."""

from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from pipelines.dashboard.account_summary import read_account, tariffs_on
from pipelines.dashboard.chart_query import chart_query
from pipelines.dashboard.folder_reader import data_version
from pipelines.dashboard.scope import scope_of
from tests.support.mart_tables import MartTables, at, days_from

FIRST, ADDED = date(2025, 1, 1), date(2025, 1, 15)
NOW = datetime(2025, 1, 31, 12, tzinfo=UTC)
FLOWS = {"pv_to_home": 0.05, "grid_to_home": 0.05, "pv_to_grid": 0.05}
HALF_HOURS = 48


@pytest.fixture(scope="module")
def database():
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield MartTables(connection)


@pytest.fixture
def tables(database):
    with database.emptied_afterwards():
        yield database


def add(tables, serial, first, count, kwh=FLOWS, **listed):
    tables.list_inverter(serial, **listed)
    tables.expect(serial, first)
    days = days_from(first, count)
    tables.cover(serial, days)
    for day in days:
        tables.insert_flows(serial, day, **kwh)


def add_pair(tables, **kwh):
    """Add an inverter, and a second one half a month later: the site's meter is not known then."""
    add(tables, "FIRST", FIRST, 31, FLOWS | kwh)
    add(tables, "SECOND", ADDED, 17, FLOWS | kwh, valid_from=at(ADDED))


def account(tables):
    return read_account(tables.connection, "UTC")


def scope(tables, of, period="month", day=ADDED):
    return scope_of({"period": period, "date": day.isoformat()}, account(tables).device(of), NOW)


def rows(tables, name, of="site:1", period="month", day=ADDED):
    shown = scope(tables, of, period, day)
    query = chart_query(name, shown.device.kind, "GBP")
    bound = query.bound(shown.parameters() | {"now": NOW})
    return tables.connection.sql(query.mart.sql, params=bound).to_arrow_table().to_pylist()


def values(row, *columns):
    return tuple(row[column] for column in columns)


def test_a_gateway_that_is_added_does_not_hide_the_days_before_it(tables):
    add(tables, "FIRST", FIRST, 30)
    add(tables, "GATEWAY", ADDED, 16, model="Gateway", valid_from=at(ADDED))
    shown, *_ = rows(tables, "totals", period="all")
    assert values(shown, "start_date", "solar_kwh", "days", "days_expected") == (
        FIRST,
        pytest.approx(30 * HALF_HOURS * 0.1),
        30,
        31,
    )
    assert scope(tables, "site:1", "day").previous_date == ADDED - timedelta(days=1)


def test_a_site_is_kept_after_its_inverter_has_moved(tables):
    add(tables, "MOVED", FIRST, 30)
    tables.list_inverter("MOVED", site_id=2, valid_from=at(ADDED))
    found = account(tables)
    assert found.sites == ("2", "1")
    assert [inverter.serial for inverter in found.inverters_of("1")] == ["MOVED"]
    assert (found.device("site:1").first_date, found.device("site:1").last_date) == (
        FIRST,
        ADDED - timedelta(days=1),
    )
    shown, *_ = rows(tables, "totals", "site:2", "all")
    assert values(shown, "days", "days_expected") == (16, 17)


def test_an_inverter_beside_one_without_data_has_the_cost_of_the_site(tables):
    add(tables, "FIRST", FIRST, 2)
    tables.list_inverter("EMS", model="Plant EMS")
    assert account(tables).device("inverter:FIRST").cost_site == "1"
    assert account(tables).device("inverter:EMS").cost_site is None


def test_sums_over_days_of_an_unknown_grid_are_not_shown_as_whole(tables):
    add_pair(tables)
    shown, *_ = rows(tables, "totals")
    assert values(shown, "days", "grid_days", "home_days") == (31, 14, 14)
    assert shown["import_kwh"] == pytest.approx(14 * HALF_HOURS * 0.05)
    (month,) = rows(tables, "energy", period="year")
    assert values(month, "import_kwh", "export_kwh", "home_kwh") == (None, None, None)
    assert values(month, "days", "grid_days", "is_complete") == (31, 14, True)
    *_, last = rows(tables, "typical_day")
    assert values(last, "days", "home_days") == (31, 14)
    *_, last = rows(tables, "heat_map", period="all")
    assert values(last, "solar_kwh", "home_kwh", "days", "home_days") == (0.31, 0.2, 31, 14)


def test_days_before_the_first_data_are_not_whole(tables):
    add(tables, "FIRST", FIRST, 2)
    for name in ("energy", "cost"):
        before = rows(tables, name, day=date(2024, 12, 1))
        assert len(before) == 31
        assert {values(row, "days_expected", "is_complete") for row in before} == {(0, False)}


def test_days_are_expected_of_a_battery_since_its_own_first_day(tables):
    add_pair(tables, pv_to_battery=0.05, battery_to_home=0.05)
    found = rows(tables, "battery", period="year")
    assert {row["inverter_serial"]: values(row, "days", "days_expected") for row in found} == {
        "FIRST": (31, 31),
        "SECOND": (17, 17),
    }


def test_shares_of_an_inverter_are_of_the_days_of_the_mart_of_this_name(tables):
    add(tables, "FIRST", FIRST, 16)
    counters = {f"today_{name}_kwh": 0.0 for name in ("solar", "grid_export")}
    counters |= {f"today_battery_{name}_kwh": 0.0 for name in ("charge", "discharge")}
    days = days_from(date(2025, 1, 17), 15)
    tables.cover("FIRST", days)
    points = []
    for day in days:
        for step in range(24 * 12 + 1):
            hour = min(step / 12, 23.999)
            used = {"today_grid_import_kwh": hour / 5, "today_consumption_kwh": hour / 5}
            points.append(
                {"inverter_serial": "FIRST", "time": at(day, hour), "local_date": day}
                | {"local_time": at(day, hour).replace(tzinfo=None), "request_date": day}
                | counters
                | used
            )
    tables.insert_rows("inverter_data_points", points)
    shown, *_ = rows(tables, "totals", "inverter:FIRST")
    mart = tables.row(
        "SELECT * FROM self_sufficiency WHERE device_kind = 'inverter' AND period = 'month'"
    )
    assert values(shown, "days", "flow_days") == (31, mart["days"]) == (31, 16)
    assert shown["self_sufficiency"] == pytest.approx(mart["self_sufficiency"]) == 0.5


def test_an_inverter_that_sends_a_little_later_is_no_hole_in_the_power_of_a_site(tables):
    add_pair(tables)
    minutes = {"FIRST": (0, 5, 10, 15, 20), "SECOND": (1, 6, 16, 31, 36)}
    for serial, at_minutes in minutes.items():
        for minute in at_minutes:
            tables.insert_points(serial, ADDED, [minute / 60], solar_power_w=float(minute))
    found = rows(tables, "power", period="day")
    assert [values(row, "solar_w", "members_present") for row in found] == [
        (1.0, 2),
        (11.0, 2),
        (16.0, 2),  # SECOND keeps its 6 W
        (31.0, 2),
        (None, 1),
        (None, 1),
        (None, 1),
    ]


def test_a_tariff_without_all_prices_is_not_the_cheapest_and_past_ones_are_used(tables):
    add(tables, "FIRST", FIRST, 20)
    for tariff, days in (("whole", 20), ("short", 1)):
        tables.insert("tariffs", tariff=tariff)
        prices = [
            {"tariff": tariff, "start_at": at(day, half_hour / 2), "import_pence": 30.0}
            | {"export_pence": 10.0}
            for day in days_from(FIRST, days)
            for half_hour in range(HALF_HOURS)
        ]
        tables.insert_rows("tariff_prices", prices)
    tables.insert("tariffs_in_force", tariff="whole", from_date=FIRST, to_date=ADDED)
    found = rows(tables, "what_if")
    assert [values(row, "tariff", "half_hours") for row in found] == [
        ("whole", 20 * HALF_HOURS),
        ("short", HALF_HOURS),
    ]
    used = {row["tariff"]: row["is_used"] for row in tariffs_on(tables.connection, NOW.date())}
    assert used == {"whole": True, "short": False}
    assert rows(tables, "totals")[0]["tariff"] == "whole"
    assert rows(tables, "totals", period="day", day=date(2025, 1, 20))[0]["tariff"] is None


def test_missing_days_of_several_devices_are_one_row(tables):
    serials = ["B1", "B2", "B3", "B4"]
    for serial in serials:
        tables.list_inverter(serial)
        tables.cover(serial, days_from(FIRST, 2), inverter_data_points="failed", energy_flows=None)
    tables.cover("B1", [ADDED], inverter_data_points=None, energy_flows="forbidden")
    for serial in serials[1:3]:
        tables.cover(serial, [ADDED], inverter_data_points="failed", energy_flows=None)
    found = rows(tables, "missing")
    fetch = "givlake backfill --dataset inverter_data_points"
    assert [values(row, "devices", "device", "days", "command") for row in found] == [
        (1, "B1", 1, None),
        (2, "B2, B3", 1, f"{fetch} --device B2 --device B3 --start {ADDED} --end {ADDED}"),
        (4, "B1, B2, B3", 2, f"{fetch} --start {FIRST} --end 2025-01-02"),
    ]


def test_a_site_of_very_many_inverters_has_charts_of_the_first(tables):
    kwh = FLOWS | {"pv_to_battery": 0.05, "battery_to_home": 0.05}
    for number in range(22):
        add(tables, f"INV{number:02}", FIRST, 1, kwh)
    for name in ("battery", "now"):
        found = rows(tables, name, period="year")
        assert [row["inverter_serial"] for row in found] == [f"INV{each:02}" for each in range(20)]
        assert {row["inverters"] for row in found} == {22}


def test_data_have_another_version_after_midnight_and_after_an_attempt(tmp_path):
    coverage = tmp_path / "index" / "coverage"
    coverage.mkdir(parents=True)
    versions = [data_version(tmp_path, FIRST), data_version(tmp_path, ADDED)]
    (coverage / "month=2025-01.parquet").write_bytes(b"")
    versions.append(data_version(tmp_path, ADDED))
    assert len(set(versions)) == 3
    assert data_version(tmp_path, ADDED) == versions[-1]
