"""The plain tables of a report."""

import json
import re
from importlib import resources

import pytest

from pipelines.reports.cell_formats import WORDS
from pipelines.reports.report_data import rounded_charts, script_json
from pipelines.reports.report_period import read_period
from pipelines.reports.report_tables import ReportTables
from simulator import Simulator
from tests.support.html_tables import tables_of
from tests.support.mart_house import DATASETS, NOON_LOST, UNKNOWN, config
from tests.support.owner import Owner
from tests.support.report_house import june_of, report_house

HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>"
DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Give a house with days that are not whole, and a tariff."""
    with report_house(tmp_path_factory) as house:
        yield house


@pytest.fixture(scope="module")
def june(house):
    """Give the report of June."""
    return june_of(house)


def number(text: str) -> float | None:
    """Return the number in a cell."""
    digits = text.replace(",", "").replace(MINUS, "-").replace("£", "").replace(" %", "")
    return None if text == DASH else float(digits)


def close(value: float | None):
    """Compare with a value that is shown with two decimals."""
    return None if value is None else pytest.approx(value, abs=0.0051)


@pytest.mark.slow
def test_the_plain_tables_have_the_figures_of_the_marts(house, june):
    tables = tables_of(june)
    days = house.owner.sql(
        "SELECT * FROM site_daily WHERE local_date BETWEEN '2024-06-01' AND '2024-06-30'"
        " ORDER BY local_date"
    )
    energy = tables["Energy, kWh"]
    shown = {row[0]: dict(zip(energy[0][1:], row[1:], strict=True)) for row in energy[1:]}
    assert len(shown) == 30
    assert NOON_LOST in [day["local_date"] for day in days]
    for day in days:
        row = shown[f"{day['local_date']:%a} {day['local_date'].day} Jun"]
        for title, column in {
            "solar": "solar_kwh", "import": "import_kwh", "export": "export_kwh",
            "into battery": "charge_kwh", "out of battery": "discharge_kwh",
        }.items():  # fmt: skip
            assert number(row[title]) == close(day[column]), (day["local_date"], title)
        assert row["whole"] == ("yes" if day["is_complete"] else "no")
    assert shown[f"{UNKNOWN:%a} 14 Jun"]["solar"] == DASH
    sums = {row[0]: row[1:] for row in tables["Sums"][1:]}
    assert tables["Sums"][0][1] == "June 2024"
    known = [day["solar_kwh"] for day in days if day["solar_kwh"] is not None]
    assert number(sums["Solar, kWh"][0]) == close(sum(known))
    whole = sum(day["is_complete"] for day in days)
    assert sums["Whole"][0] == sums["Solar, kWh"][1] == f"{whole} of 30 days"
    short = re.search(r"</h1>\n<p>(.*?)</p>", june)[1]
    assert re.fullmatch(
        rf"Solar [\d.]+ kWh, home [\d.]+ kWh, net cost £[\d.]+; {whole} of 30 days are whole\.",
        short,
    )
    (cost,) = house.owner.sql(
        "SELECT sum(net_cost_gbp) AS net, sum(saved_gbp) AS saved FROM cost_daily"
        " WHERE local_date BETWEEN '2024-06-01' AND '2024-06-30'"
    )
    assert number(sums["Net cost"][0]) == close(cost["net"])
    assert number(sums["Saved by solar and battery"][0]) == close(cost["saved"])


def test_hostile_names_stay_text():
    totals = {"range": ["shown"], "start_date": ["2024-06-01"],
              "end_date": ["2024-06-30"], "solar_kwh": [1.25],
              "days": [1], "days_expected": [1]}  # fmt: skip
    events = {"started_at": ["2024-06-10T09:00:00Z"], "inverter_serial": [HOSTILE],
              "event": [HOSTILE], "duration_s": [90_000], "is_open": [False]}  # fmt: skip
    calendar = {"dataset": [HOSTILE], "state": [HOSTILE]}
    charts = {
        "totals": {"columns": totals},
        "events": {"columns": events},
        "calendar": {"columns": calendar},
        "cost": {"error": HOSTILE},
    }
    scope = {"currency": "GBP", "zone": "Europe/London", "bucket": "day"}
    tables = ReportTables(charts, scope, read_period("month", "2024-06"))
    html = tables.html() + tables.states()
    assert "<script" not in html
    assert "<img" not in html
    (row,) = tables_of(html)["Events of the inverters"][1:]
    assert row == ["Mon 10 Jun 2024, 10:00", HOSTILE, HOSTILE, "25 h 00 min", "no"]
    assert "<" not in script_json({"charts": rounded_charts(charts)})
    assert json.loads(script_json({"x": HOSTILE})) == {"x": HOSTILE}


def test_a_house_without_a_battery_or_a_tariff_has_no_tables_of_them():
    totals = {"range": ["shown"], "start_date": ["2024-06-01"],
              "end_date": ["2024-06-30"], "solar_kwh": [1.25],
              "charge_kwh": [0.0], "discharge_kwh": [0.0], "net_cost_gbp": [None],
              "days": [1], "days_expected": [30]}  # fmt: skip
    energy = {"bucket_start": ["2024-06-01", "2024-06-02"], "solar_kwh": [1.25, None],
              "charge_kwh": [0.0, None], "days": [1, 0], "days_expected": [1, 0]}  # fmt: skip
    cost = {"bucket_start": ["2024-06-01"], "net_cost_gbp": [None],
            "days": [0], "days_expected": [1]}  # fmt: skip
    battery = {"bucket_start": ["2024-06-01"], "inverter_serial": ["SIM1"],
               "charge_kwh": [0.0], "hours_empty": [24.0]}  # fmt: skip
    flows = {"from_node": ["solar", "solar"], "to_node": ["home", "battery"],
             "energy_kwh": [1.25, 0.0], "share_of_source": [1.0, 0.0],
             "days": [1, 1], "days_expected": [30, 30]}  # fmt: skip
    charts = {"totals": totals, "energy": energy, "cost": cost, "battery": battery, "flows": flows}
    answers = {name: {"columns": columns} for name, columns in charts.items()}
    scope = {"currency": "EUR", "zone": "Europe/Paris", "bucket": "day"}
    tables = ReportTables(answers, scope, read_period("month", "2024-06"))
    assert tables_of(tables.html()) == {
        "Sums": [["", "June 2024", ""], ["Solar, kWh", "1.25", "1 of 30 days"],
                 ["Whole", "1 of 30 days", ""]],
        "From where to where (1 of 30 days)": [
            ["", "to home, kWh", "of its source"], ["from solar", "1.25", "100 %"]],
        "Energy, kWh": [["", "solar", "whole"], ["Sat 1 Jun", "1.25", "yes"],
                        ["Sun 2 Jun", DASH, DASH]],
    }  # fmt: skip
    assert [*tables.sentences()] == ["Solar: 1.25 kWh (1 of 30 days)", "Whole: 1 of 30 days"]


@pytest.mark.slow
def test_a_hostile_event_of_the_api_stays_text(tmp_path):
    with Simulator(config()) as sim:
        owner = Owner(tmp_path, {"GIVENERGY_API_URL": sim.base_url,
                                 "GIVLAKE_DATASETS": ",".join(DATASETS)}, sim.token)  # fmt: skip
        event = {"event": HOSTILE, "start_time": "2024-06-10T09:00:00Z",
                 "end_time": "2024-06-10T10:00:00Z"}  # fmt: skip
        sim.set_listing("events", sim.serials[0], [event])
        assert owner.givlake("backfill", "--start", "2024-06-09", "--end", "2024-06-11").status == 0
        done = owner.givlake("report", "--month", "2024-06", "--to", "june.html")
    assert done.status == 0, done.output
    html = (tmp_path / "june.html").read_text(encoding="utf-8")
    assert HOSTILE not in html
    assert "<img src=x" not in html
    assert HOSTILE in [row[2] for row in tables_of(html)["Events of the inverters"]]


def totals_of(**columns):
    """Return the tables of sums, and of further charts."""
    totals = {"range": ["shown", "before"], "start_date": ["2026-11-01", "2026-10-01"],
              "end_date": ["2026-11-26", "2026-10-26"], "solar_kwh": [85.71, 90.0],
              "days": [25, 4], "days_expected": [26, 4]}  # fmt: skip
    charts = {"totals": totals, **columns}
    answers = {name: {"columns": columns} for name, columns in charts.items()}
    scope = {"currency": "GBP", "zone": "Europe/London", "bucket": "day"}
    return ReportTables(answers, scope, read_period("month", "2026-11"))


def test_a_running_month_is_titled_by_its_days():
    tables = totals_of()
    assert tables_of(tables.html())["Sums"] == [
        ["", f"1{DASH}26 November 2026", "", f"1{DASH}26 October 2026", ""],
        # Of all days of a period, also if the data begin in it.
        ["Solar, kWh", "85.71", "25 of 26 days", "90.00", "4 of 26 days"],
        ["Whole", "25 of 26 days", "", "4 of 26 days", ""],
    ]
    assert tables.in_short() == "Solar 85.7 kWh; 25 of 26 days are whole."


def test_a_list_that_is_cut_says_of_how_many():
    sessions = {"started_at": ["2026-11-02T08:00:00Z"] * 500, "energy_kwh": [1.5] * 500}
    car = {"bucket_start": ["2026-11-01", "2026-11-02"], "sessions": [300, 273]}
    gaps = {"last_point_at": ["2026-11-02T08:00:00Z"] * 500, "cause": ["not_sent"] * 500}
    found = tables_of(totals_of(car_sessions=sessions, car=car, gaps=gaps).html())
    assert len(found["Charging sessions (200 of 573)"]) == 201
    gap = found["Gaps in the readings (200 of 500 or more)"][1]
    assert gap == ["Mon 2 Nov 2026, 08:00", "never reached the API"]


def test_what_is_missing_is_said_with_its_days_and_without_commands():
    missing = {"dataset": ["energy_flows", "a_b"], "devices": [1, 2],
               "first_date": ["2026-11-02"] * 2, "last_date": ["2026-11-04"] * 2, "days": [3, 2],
               "state": ["not_requested", "x_y"],
               "command": ["givlake backfill"] * 2}  # fmt: skip
    html = totals_of(missing=missing).html()
    rows = tables_of(html)["Missing, or not whole: 7 days, of each dataset and device"]
    assert [(row[0], row[-1]) for row in rows[1:]] == [
        ("Energy flows", "not requested"), ("a b", "x y"),
    ]  # fmt: skip
    assert "givlake backfill" not in html
    assert "No day is missing" in totals_of(missing={name: [] for name in missing}).html()


def test_words_are_those_of_the_page():
    page = resources.files("pipelines.dashboard").joinpath("page", "words-en.js")
    text = page.read_text(encoding="utf-8")
    for kind, words in WORDS.items():
        assert dict(re.findall(rf'"{kind}\.(\w+)": "(.*?)"', text)) == words
