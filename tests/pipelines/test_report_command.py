"""What can be reported: periods, sites and inverters."""

import json
import re
from datetime import date

import pytest

from pipelines.reports.report_period import last_whole, period_of, read_period
from simulator import Simulator
from tests.support.html_tables import tables_of
from tests.support.mart_house import DATASETS, config
from tests.support.owner import Owner
from tests.support.report_house import june_of, report_house


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Give a house with days that are not whole, and a tariff."""
    with report_house(tmp_path_factory) as house:
        yield house


@pytest.fixture(scope="module")
def june(house):
    """Give the report of June."""
    return june_of(house)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ("--month", "2024-13"),
            "--month: '2024-13' is not a month: write a month such as 2025-06",
        ),
        (("--month", "June"), "--month: 'June' is not a month"),
        (("--year", "24"), "--year: '24' is not a year: write a year such as 2025."),
        (
            ("--year", "1989"),
            "--year: '1989' cannot be reported: choose a year from 1990 to 2199.",
        ),
        (("--month", "2200-01"), "--month: '2200-01' cannot be reported"),
        (("--week", "2024-W54"), "--week: '2024-W54' is not a week: write a week such as 2025-W23"),
        (("--week", "2024-W24", "--year", "2024"), "--year and --week exclude each other"),
        (("--month", "2099-01"), "January 2099 has not begun: today is 20"),
        (("--month", "2023-05"), "There are no data of site"),
        (("--site", "99"), "Unknown site '99'. There is"),
        (("--device", "nobody"), "Unknown device 'nobody'"),
        (("--site", "1", "--device", "2"), "--site and --device exclude each other"),
        (("--month", "2024-06", "--to", "nowhere/june.html"), "there is no folder"),
        (("--send",), "No alert channel is set: set GIVLAKE_ALERT_URLS"),
    ],
)
def test_what_cannot_be_reported_is_said_in_a_sentence(house, options, says):
    done = house.owner.givlake("report", *options)
    assert (done.status, "Traceback" in done.output) == (2, False)
    assert says in done.err
    assert len(done.err.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_charger_has_no_report_and_an_inverter_has_one(house, tmp_path):
    (row,) = house.owner.sql("SELECT DISTINCT charger_uuid FROM ev_chargers")
    done = house.owner.givlake("report", "--device", row["charger_uuid"])
    assert done.status == 2
    assert "is no inverter: reports are of sites and of inverters, such as" in done.err
    file = tmp_path / "one.html"
    june = ("report", "--device", house.serial.lower(), "--month", "2024-06", "--to", file)
    assert house.owner.givlake(*june).status == 0
    assert f"<h1>Inverter {house.serial}, June 2024</h1>" in file.read_text(encoding="utf-8")
    done = house.owner.givlake(*june)
    assert (done.status, "it exists" in done.err) == (2, True)
    assert house.owner.givlake(*june, "--overwrite").status == 0


def test_a_folder_without_data_has_no_report(tmp_path):
    owner = Owner(tmp_path, {}, token=None)
    done = owner.givlake("report")
    assert (done.status, "No data in" in done.err) == (2, True)
    assert not owner.data.exists()


@pytest.mark.slow
def test_of_several_sites_one_is_named(tmp_path):
    accounts = config(children=2, children_devices_listed=True)
    with Simulator(accounts) as sim:
        settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": ",".join(DATASETS)}
        owner = Owner(tmp_path, settings, sim.token)
        owner.givlake("backfill", "--start", "2024-06-09", "--end", "2024-06-09")
        sites = [row["site"] for row in owner.sql("SELECT DISTINCT site FROM site_members")]
        assert len(sites) == 3
        done = owner.givlake("report", "--month", "2024-06")
    assert done.status == 2
    assert f"There are {len(sites)} sites: name one with --site, such as" in done.err


def test_periods():
    week = read_period("week", "2025-W01")
    assert (week.first, week.last) == (date(2024, 12, 30), date(2025, 1, 5))
    assert (week.label, week.title) == ("2025-W01", "Week 1 of 2025")
    leap = read_period("month", "2024-02")
    assert (leap.first, leap.last, leap.title) == (
        date(2024, 2, 1), date(2024, 2, 29), "February 2024",
    )  # fmt: skip
    assert read_period("year", "2024").last == date(2024, 12, 31)
    assert last_whole("month", date(2025, 1, 1)).label == "2024-12"
    assert last_whole("week", date(2025, 1, 5)).label == "2024-W52"
    assert last_whole("week", date(2025, 1, 6)).label == "2025-W01"
    assert last_whole("year", date(2025, 1, 1)) == period_of("year", date(2024, 7, 1))


@pytest.mark.slow
def test_a_month_of_which_the_data_begin_late_says_so(house, tmp_path):
    file = tmp_path / "march.html"
    assert house.owner.givlake("report", "--month", "2024-03", "--to", file).status == 0
    html = file.read_text(encoding="utf-8")
    assert "March 2024, from 29 March, when the data begin</h1>" in html
    assert "from 2024-03-29, when the data begin, to 2024-03-31" in html
    assert re.search(r"<p>Solar .*; \d of 31 days are whole\.</p>", html)
    assert dict(row[:2] for row in tables_of(html)["Sums"])["Whole"].endswith(" of 31 days")


@pytest.mark.slow
def test_a_report_of_one_inverter_names_no_other(tmp_path):
    with Simulator(config(inverters=2)) as sim:
        settings = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_DATASETS": ",".join(DATASETS)}
        owner = Owner(tmp_path, settings, sim.token)
        owner.givlake("backfill", "--start", "2024-06-09", "--end", "2024-06-09")
        shown, other = sim.serials
        done = owner.givlake("report", "--month", "2024-06", "--device", shown, "--to", "one.html")
    assert done.status == 0, done.output
    html = (tmp_path / "one.html").read_text(encoding="utf-8")
    assert shown in html
    assert other not in html
    text = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', html)[1]
    data = json.loads(text)
    assert not {"folder", "last_fetched_at", "problems", "data_version"} & data["about"].keys()
    assert [each["serial"] for each in data["about"]["sites"][0]["inverters"]] == [shown]
    assert "records" not in data["charts"]
    assert not [name for name, chart in data["charts"].items() if "sql" in chart]
    assert "givlake backfill" not in text
