"""The charts of the dashboard: their rows, against the marts and against their own shown SQL."""

import csv
import io
import json
import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from givenergy.server_clock import correct_clock
from pipelines.dashboard import (
    DashboardData,
    Period,
    UnknownChartError,
    chart_names,
    chart_query,
    encode,
)
from pipelines.dashboard.chart_query import literal
from simulator import Simulator
from tests.support.mart_house import (
    AUTUMN,
    CLOCK,
    COUNTED,
    EVENING_LOST,
    NIGHT_ONLY,
    NOON_LOST,
    SPRING,
    UNKNOWN,
    config,
    fill,
    house_settings,
)
from tests.support.owner import Owner
from tests.support.settings import settings_of
from tests.support.sql_references import references
from warehouse.coverage import SETTLED, State
from warehouse.coverage.coverage_fact import NOT_WHOLE_REASON

TARIFF = """
name = "go"
{currency}
[[period]]
from = 2024-01-01
standing_charge = 53.80
import = [{{ price = 27.00 }}, {{ price = 8.50, start = "00:30", end = "05:30" }}]
export = [{{ price = 15.00 }}]
"""
FULL_DAY = date(2024, 6, 10)
DAY = timedelta(days=1)
LONDON = ZoneInfo("Europe/London")
ENERGIES = ("solar_kwh", "import_kwh", "export_kwh", "charge_kwh", "discharge_kwh")


def with_tariff(owner, currency=""):
    (owner.folder / "go.toml").write_text(TARIFF.format(currency=currency))
    for command in (("load", "go.toml"), ("use", "go", "--from", "2024-01-01")):
        done = owner.givlake("tariffs", *command)
        assert done.status == 0, done.output


def data_of(owner):
    return DashboardData(settings_of(owner.settings))


class Charts:
    """Answers of the dashboard about one owner's data."""

    def __init__(self, owner):
        self.owner = owner
        self.data = data_of(owner)

    def answer(self, name, **arguments):
        arguments = {key: str(value) for key, value in arguments.items()}
        scope, _ = self.data.scope(arguments)
        return self.data.rows(name, scope, arguments)

    def rows(self, name, **arguments):
        return self.answer(name, **arguments).rows

    def row(self, name, **arguments):
        (row,) = self.rows(name, **arguments)
        return row

    def site(self):
        (site,) = self.data.about()["sites"]
        return site["site"]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with Simulator(house_settings()) as sim:
        house = fill(sim, tmp_path_factory)
        with_tariff(house.owner)
        yield house


@pytest.fixture(scope="module")
def charts(house):
    charts = Charts(house.owner)
    yield charts
    charts.data.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two inverters of which either meter could be the site's."""
    with Simulator(config(inverters=2)) as sim:
        settings = {
            "GIVENERGY_API_URL": sim.base_url,
            "GIVLAKE_DATASETS": "communication_devices,energy_flows,inverter_data_points",
        }
        owner = Owner(tmp_path_factory.mktemp("pair"), settings, token=sim.token)
        done = owner.givlake("backfill", "--start", FULL_DAY, "--end", FULL_DAY)
        assert done.status == 0, done.output
        charts = Charts(owner)
        yield charts
        charts.data.close()


def same(rows, others):
    assert len(rows) == len(others)
    for row, other in zip(rows, others, strict=True):
        assert list(row) == list(other)
        for name, value in row.items():
            is_number = isinstance(value, float)
            expected = pytest.approx(other[name], abs=1e-9) if is_number else other[name]
            assert value == expected, name


@pytest.mark.parametrize("kind", ["site", "inverter"])
@pytest.mark.parametrize("name", chart_names())
def test_a_file_documents_what_it_has(name, kind):
    query = chart_query(name, kind, "GBP")
    assert set(query.mart.reads) == references(re.sub(r"\$\w+", "null", query.mart.sql))
    used = set(re.findall(r"\$(\w+)", query.mart.sql))
    assert set(query.mart.parameters) == used
    assert "{{" not in query.mart.sql


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "period", "day"),
    [
        ("site", Period.DAY, AUTUMN),
        ("inverter", Period.MONTH, NOON_LOST),
        ("site", Period.ALL, AUTUMN),
    ],
)
@pytest.mark.parametrize("name", chart_names())
def test_the_shown_sql_gives_the_rows_of_the_answer(house, charts, name, kind, period, day):
    of = f"site:{charts.site()}" if kind == "site" else f"inverter:{house.serial}"
    answer = charts.answer(name, of=of, period=period, date=day)
    assert list(answer.columns) == list(answer.query.mart.columns)
    rows = answer.rows
    same(rows, house.owner.sql(answer.sql))
    keys = [tuple(row[column] for column in answer.query.mart.key) for row in rows]
    assert len({*keys}) == len(keys)


@pytest.mark.slow
def test_every_chart_of_the_house_has_rows(charts):
    empty = {name for name in chart_names() if not charts.rows(name, period="all")}
    # Three are of single days, and the house has no years to compare.
    assert empty == {"cost_half_hours", "half_hours", "power", "deviations", "pv_health"}
    assert charts.rows("power", date=FULL_DAY)


@pytest.mark.slow
def test_csv_has_the_rows_of_the_answer(charts):
    for chart in chart_names():
        answer = charts.answer(chart, period="month", date=FULL_DAY)
        columns = json.loads(encode(answer.as_json()))["columns"]
        header, *rows = csv.reader(io.StringIO(answer.as_csv().decode()))
        assert header == list(columns)
        expected = [
            [text_of(value) for value in row] for row in zip(*columns.values(), strict=True)
        ]
        assert rows == expected


@pytest.mark.slow
def test_parquet_has_the_rows_of_the_answer(charts):
    arguments = {"period": "month", "date": str(FULL_DAY)}
    scope, _ = charts.data.scope(arguments)
    for chart in sorted({*chart_names()} - {"now"}):
        table = pq.read_table(io.BytesIO(charts.data.parquet(chart, scope, arguments)))
        same(table.to_pylist(), charts.data.rows(chart, scope, arguments).rows)


def text_of(value):
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)


@pytest.mark.slow
@pytest.mark.parametrize(("day", "count"), [(SPRING, 46), (AUTUMN, 50), (FULL_DAY, 48)])
def test_days_on_which_clocks_change(charts, house, day, count):
    balance = charts.rows("half_hours", date=day)
    stored = house.owner.sql(
        f"FROM half_hourly_balance WHERE local_date = '{day}' ORDER BY start_at"
    )
    assert len(balance) == len(stored) == count
    for row, mart in zip(balance, stored, strict=True):
        assert row["start_at"] == mart["start_at"]
        assert row["settlement_period"] == mart["settlement_period"]
        assert row["start_local"] == f"{mart['start_local']:%H:%M}"
        assert [row[name] for name in ENERGIES] == [mart[name] for name in ENERGIES]
    costs = charts.rows("cost_half_hours", date=day)
    (paid,) = house.owner.sql(f"FROM cost_daily WHERE local_date = '{day}'")
    assert len(costs) == count
    assert sum(row["net_cost_gbp"] for row in costs) + 0.538 == pytest.approx(
        paid["net_cost_gbp"], abs=1e-5
    )
    hours = charts.rows("heat_map", period="week", date=day)
    of_day = {row["hour"]: row["solar_kwh"] for row in hours if row["local_date"] == day}
    assert len(of_day) == (23 if day == SPRING else 24)
    (energy,) = house.owner.sql(f"FROM daily_energy WHERE local_date = '{day}'")
    assert sum(of_day.values()) == pytest.approx(energy["solar_kwh"], abs=0.03)
    local = [row["time"].astimezone(LONDON).date() for row in charts.rows("power", date=day)]
    assert {*local} == {day}


@pytest.mark.slow
def test_autumns_double_hour_is_the_sum_of_both(charts, house):
    hours = charts.rows("heat_map", period="day", date=AUTUMN)
    (home,) = house.owner.sql(
        f"SELECT sum(home_kwh) AS kwh FROM half_hourly_balance WHERE local_date = '{AUTUMN}'"
        " AND hour(start_local) = 1"
    )
    assert hours[1]["home_kwh"] == pytest.approx(home["kwh"], abs=0.001)


@pytest.mark.slow
def test_a_missing_half_hour_is_null_and_counted(charts, house):
    rows = {row["start_local"]: row for row in charts.rows("half_hours", date=NOON_LOST)}
    assert rows["12:00"]["source"] in (None, "inverter_data_points")
    assert rows["12:30"]["source"] == "energy_flows"
    lost = charts.rows("half_hours", date=UNKNOWN)
    assert len(lost) == 48
    assert {row["solar_kwh"] for row in lost} == {None}
    assert not any(row["is_complete"] for row in lost)
    (flow, *_) = charts.rows("flows", period="week", date=UNKNOWN)
    assert (flow["half_hours_expected"], flow["days_expected"]) == (336, 7)
    assert flow["half_hours"] < 336
    whole = house.owner.sql(
        "SELECT local_date FROM site_half_hourly WHERE local_date BETWEEN '2024-06-10' AND"
        " '2024-06-16' GROUP BY 1 HAVING count(home_kwh) = 48"
    )
    assert flow["days"] == len(whole) < 7
    hours = charts.rows("heat_map", period="day", date=UNKNOWN)
    assert {row["home_kwh"] for row in hours} == {None}


@pytest.mark.slow
def test_a_day_known_by_counters_only_has_no_home_in_the_sum(charts):
    days = {row["bucket_start"]: row for row in charts.rows("energy", period="week", date=COUNTED)}
    assert days[COUNTED]["source"] == "inverter_data_points"
    assert (days[COUNTED]["home_kwh"], days[COUNTED]["is_complete"]) == (None, True)
    assert days[EVENING_LOST]["is_complete"] is False
    assert days[EVENING_LOST]["solar_kwh"] is not None
    for day in (NIGHT_ONLY, UNKNOWN):
        assert (days[day]["solar_kwh"], days[day]["days"], days[day]["days_expected"]) == (
            (None if day == UNKNOWN else days[day]["solar_kwh"]), 0, 1,
        )  # fmt: skip
    month = next(
        row for row in charts.rows("energy", period="year", date=COUNTED)
        if row["bucket_start"] == date(2024, 6, 1)
    )  # fmt: skip
    assert month["home_kwh"] is None
    assert month["is_complete"] is False
    assert month["days_expected"] == 30
    assert month["source"] == "energy_flows, inverter_data_points"


@pytest.mark.slow
def test_answers_have_the_time_of_the_folder_whatever_corrected_the_clock_since(charts):
    charts.data.scope({})
    for ahead_s in (0.0, 4000 * 86_400.0):
        # As by another folder, within the second in which this one is not looked at again.
        correct_clock(ahead_s)
        scope, _ = charts.data.scope({})
        correct_clock(ahead_s)
        assert f"'{CLOCK.date()}" in charts.data.rows("now", scope, {}).sql
        assert scope.today == CLOCK.date()


@pytest.mark.slow
@pytest.mark.parametrize("period", ["week", "month", "year", "all"])
def test_buckets_add_up_to_the_totals_and_to_the_marts(charts, house, period):
    total = charts.rows("totals", period=period, date=FULL_DAY)[0]
    assert total["range"] == "shown"
    buckets = charts.rows("energy", period=period, date=FULL_DAY)
    (mart,) = house.owner.sql(
        "SELECT sum(solar_kwh) AS solar_kwh, sum(import_kwh) AS import_kwh,"
        " count(*) FILTER (WHERE is_complete) AS days FROM daily_energy WHERE local_date"
        f" BETWEEN '{total['start_date']}' AND '{total['end_date']}'"
    )
    for name in ("solar_kwh", "import_kwh"):
        added = sum(row[name] or 0 for row in buckets)
        assert added == pytest.approx(total[name], abs=0.05)
        assert total[name] == pytest.approx(mart[name], abs=0.05)
    for name in ("days", "days_expected"):
        assert sum(row[name] for row in buckets) == total[name]
    assert total["days"] == mart["days"]
    paid = charts.rows("cost", period=period, date=FULL_DAY)
    assert sum(row["net_cost_gbp"] or 0 for row in paid) == pytest.approx(total["net_cost_gbp"])
    assert sum(row["days"] for row in paid) == total["cost_days"]


@pytest.mark.slow
def test_shares_are_those_of_the_mart(charts, house):
    for day in (SPRING, FULL_DAY, AUTUMN):
        total = charts.rows("totals", date=day)[0]
        for kind in ("site", "inverter"):
            (mart,) = house.owner.sql(
                f"FROM self_sufficiency WHERE period = 'day' AND start_date = '{day}'"
                f" AND device_kind = '{kind}'"
            )
            of = f"{kind}:{mart['device']}"
            total = charts.rows("totals", of=of, date=day)[0]
            assert total["self_sufficiency"] == pytest.approx(mart["self_sufficiency"])
            assert total["self_consumption"] == pytest.approx(mart["self_consumption"])
    year = charts.rows("totals", period="year", date=FULL_DAY)[0]
    # A dozen days say nothing about a year.
    assert (year["self_sufficiency"], year["self_consumption"]) == (None, None)


@pytest.mark.slow
def test_compared_ranges_are_sums_of_their_own_days(charts):
    shown, before, year = charts.rows("totals", date=FULL_DAY)
    assert [row["range"] for row in (shown, before, year)] == ["shown", "before", "year"]
    assert before["start_date"] == FULL_DAY - DAY
    earlier = charts.rows("totals", date=FULL_DAY - DAY)[0]
    for name in ("solar_kwh", "net_cost_gbp", "self_sufficiency", "days"):
        assert before[name] == pytest.approx(earlier[name])
    # The year before the first day with data has no days that are expected.
    assert (year["solar_kwh"], year["days_expected"], year["days"]) == (None, 0, 0)


@pytest.mark.slow
def test_flows_are_the_sums_of_the_half_hours(charts):
    links = charts.rows("flows", date=FULL_DAY)
    halves = charts.rows("half_hours", date=FULL_DAY)
    for link in links:
        source = {"solar": "pv"}.get(link["from_node"], link["from_node"])
        name = f"{source}_to_{link['to_node']}_kwh"
        assert link["energy_kwh"] == pytest.approx(sum(row[name] for row in halves), abs=0.001)
        assert (link["half_hours"], link["half_hours_expected"], link["days"]) == (48, 48, 1)
    for node in ("solar", "grid", "battery"):
        shares = [link["share_of_source"] for link in links if link["from_node"] == node]
        assert sum(shares) == pytest.approx(1)


@pytest.mark.slow
def test_power_is_that_of_the_points(charts, house):
    rows = charts.rows("power", date=FULL_DAY)
    points = house.owner.sql(f"FROM inverter_data_points WHERE local_date = '{FULL_DAY}'")
    for row in rows[:50]:
        own = [p for p in points if row["time"] <= p["time"] < row["time"] + timedelta(minutes=5)]
        assert row["members_present"] == row["members"] == 1
        mean = sum(p["solar_power_w"] for p in own) / len(own)
        assert row["solar_w"] == pytest.approx(mean, abs=0.51)
        grid = [p["grid_power_w"] for p in own]
        exported = sum(max(w, 0) for w in grid) / len(grid)
        assert row["export_w"] == pytest.approx(exported, abs=0.51)


def test_of_two_meters_neither_is_the_sites(pair):
    (site,) = pair.data.about()["sites"]
    assert len(site["inverters"]) == 2
    of = f"site:{site['site']}"
    day = pair.row("energy", of=of, date=FULL_DAY)
    parts = [
        pair.row("energy", of=f"inverter:{each['serial']}", date=FULL_DAY)
        for each in site["inverters"]
    ]
    assert day["solar_kwh"] == pytest.approx(sum(part["solar_kwh"] for part in parts), abs=0.02)
    assert (day["import_kwh"], day["home_kwh"], day["deviation_kwh"]) == (None, None, None)
    assert all(part["import_kwh"] is not None for part in parts)
    powers = [row for row in pair.rows("power", of=of, date=FULL_DAY) if row["solar_w"] is not None]
    assert powers
    assert {row["members"] for row in powers} == {2}
    assert {row["home_w"] for row in powers} == {None}
    assert {row["energy_kwh"] for row in pair.rows("flows", of=of, date=FULL_DAY)} == {None}


def test_costs_are_of_sites(pair):
    inverter = pair.data.about()["sites"][0]["inverters"][0]["serial"]
    for name in ("cost", "cost_half_hours", "what_if", "payback"):
        assert pair.rows(name, of=f"inverter:{inverter}", period="month", date=FULL_DAY) == []


@pytest.mark.slow
def test_an_inverter_alone_has_the_cost_of_its_site(charts, house):
    of_site = charts.rows("cost", period="week", date=FULL_DAY)
    assert of_site == charts.rows(
        "cost", of=f"inverter:{house.serial}", period="week", date=FULL_DAY
    )


@pytest.mark.slow
def test_records_are_whole_days_and_ranked(charts, house):
    rows = charts.rows("records")
    best = [row for row in rows if (row["measure"], row["kind"]) == ("solar_kwh", "highest")]
    stored = house.owner.sql(
        "SELECT local_date, solar_kwh FROM daily_energy WHERE is_complete AND solar_kwh IS NOT NULL"
        " ORDER BY solar_kwh DESC, local_date DESC LIMIT 5"
    )
    assert [row["rank"] for row in best] == [1, 2, 3, 4, 5]
    assert [(row["local_date"], row["value"]) for row in best] == [
        (row["local_date"], row["solar_kwh"]) for row in stored
    ]
    assert {row["local_date"] for row in rows}.isdisjoint({EVENING_LOST, UNKNOWN})


@pytest.mark.slow
def test_faults_that_touch_a_day_are_shown(charts):
    rows = charts.rows("events", date=date(2024, 6, 1))
    assert [row["event"] for row in rows] == ["PV Over Voltage"]
    (now,) = charts.rows("events", date=date(2024, 11, 1))
    assert (now["event"], now["is_open"], now["ended_at"]) == ("Grid Voltage Too High", True, None)


def test_the_calendar_knows_the_states_in_their_order():
    sql = chart_query("calendar", "site", "GBP").mart.sql
    listed = re.search(r"list_position\(\s*\[(.*?)\]", sql, re.DOTALL)[1]
    assert [each.strip().strip("'") for each in listed.split(",")] == list(State)


@pytest.mark.slow
def test_missing_days_are_those_that_status_reports(charts):
    sql = chart_query("missing", "site", "GBP").mart.sql
    listed = re.search(r"state not in \((.*?)\)", sql, re.DOTALL)[1]
    assert {each.strip().strip("'") for each in listed.split(",")} == SETTLED
    assert literal(NOT_WHOLE_REASON) in sql
    rows = charts.rows("missing", period="month", date=FULL_DAY)
    assert {row["state"] for row in rows} >= {"not_requested"}
    first = next(row for row in rows if row["dataset"] == "inverter_data_points")
    assert first["command"] == (
        f"givlake backfill --dataset inverter_data_points --device {first['device_id']}"
        f" --start {first['first_date']} --end {first['last_date']}"
    )
    assert (first["last_date"] - first["first_date"]).days + 1 == first["days"]
    expected = date(2024, 6, 17)
    assert (first["first_date"], first["last_date"]) == (expected, date(2024, 6, 30))


@pytest.mark.slow
def test_sessions_of_the_car_add_up(charts):
    sessions = charts.rows("car_sessions", period="month", date=AUTUMN)
    assert sessions
    assert sessions == sorted(sessions, key=lambda row: row["started_at"], reverse=True)
    days = charts.rows("car", period="month", date=AUTUMN)
    assert sum(row["sessions"] for row in days) == len(sessions)
    energy = sum(row["energy_kwh"] for row in sessions)
    assert sum(row["energy_kwh"] for row in days) == pytest.approx(energy, abs=0.01)
    parts = ("solar_kwh", "battery_kwh", "grid_kwh", "unknown_kwh")
    for row in days:
        known = sum(row[name] or 0 for name in parts)
        assert known == pytest.approx(row["energy_kwh"], abs=0.01)


@pytest.mark.slow
def test_the_battery_of_a_day(charts, house):
    row = charts.row("battery", date=FULL_DAY)
    (mart,) = house.owner.sql(f"FROM battery_daily WHERE local_date = '{FULL_DAY}'")
    for name in ("charge_kwh", "discharge_kwh", "cycles", "min_percent", "last_percent"):
        assert row[name] == pytest.approx(mart[name])


@pytest.mark.slow
def test_what_other_tariffs_would_have_cost(charts, house):
    (row,) = charts.rows("what_if", period="month", date=FULL_DAY)
    (mart,) = house.owner.sql("FROM cost_what_if WHERE month = '2024-06-01'")
    assert (row["tariff"], row["is_in_force"]) == ("go", True)
    assert row["net_cost_gbp"] == pytest.approx(mart["net_cost_gbp"])
    assert charts.rows("what_if", period="week", date=FULL_DAY) == []
    back = charts.row("payback", capital="100")
    assert back["capital_cost_gbp"] == 100
    assert back["repaid_share"] == pytest.approx(back["saved_gbp"] / 100)


@pytest.mark.slow
def test_the_newest_reading_and_its_age(charts, house):
    (row,) = charts.rows("now")
    (mart,) = house.owner.sql("FROM site_now")
    assert (row["inverter_serial"], row["time"]) == (house.serial, mart["time"])
    # The API's clock, which has gone on since then for as long as the tests took.
    age_min = (CLOCK - mart["time"]).total_seconds() / 60
    assert age_min <= row["age_min"] < age_min + 60


@pytest.mark.slow
def test_names_of_columns_of_money_follow_the_currency(tmp_path):
    with Simulator(config()) as sim:
        settings = {
            "GIVENERGY_API_URL": sim.base_url,
            "GIVLAKE_DATASETS": "communication_devices,energy_flows",
        }
        owner = Owner(tmp_path, settings, token=sim.token)
        assert owner.givlake("backfill", "--start", FULL_DAY, "--end", FULL_DAY).status == 0
        with_tariff(owner, 'currency = "EUR"')
        charts = Charts(owner)
        assert charts.data.about()["currency"] == "EUR"
        answer = charts.answer("cost", date=FULL_DAY)
        assert "net_cost_eur" in answer.columns
        assert not any(name.endswith("_gbp") for name in answer.columns)
        assert list(answer.columns) == list(answer.query.mart.columns)
        same(answer.rows, owner.sql(answer.sql))
        charts.data.close()


def test_there_is_no_other_chart():
    for name in ("enrgy", "../energy", "", "site_daily"):
        with pytest.raises(UnknownChartError):
            chart_query(name, "site", "GBP")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (3, "3"),
        (1.5, "1.5"),
        (date(2024, 2, 29), "'2024-02-29'"),
        ("O'Brien'; drop table x; --", "'O''Brien''; drop table x; --'"),
    ],
)
def test_values_are_written_as_literals(value, text):
    assert literal(value) == text


@pytest.mark.slow
def test_behind_a_gateway_the_site_has_its_power_and_their_charge(tmp_path):
    with Simulator(config(inverters=3, gateways=1)) as sim:
        settings = {
            "GIVENERGY_API_URL": sim.base_url,
            "GIVLAKE_DATASETS": "communication_devices,inverter_data_points",
        }
        owner = Owner(tmp_path, settings, token=sim.token)
        assert owner.givlake("backfill", "--start", FULL_DAY, "--end", FULL_DAY).status == 0
        charts = Charts(owner)
        roles = {
            each["role"]: each["serial"] for each in charts.data.about()["sites"][0]["inverters"]
        }
        site = {row["time"]: row for row in charts.rows("power", date=FULL_DAY)}
        gateway = f"inverter:{roles['whole_site']}"
        own = {row["time"]: row for row in charts.rows("power", of=gateway, date=FULL_DAY)}
        assert own
        for time, row in own.items():
            assert site[time]["solar_w"] == row["solar_w"]
            assert site[time]["import_w"] == row["import_w"]
            assert row["battery_percent"] is None
        charged = [row["battery_percent"] for row in site.values()]
        assert any(percent is not None for percent in charged)
        charts.data.close()
