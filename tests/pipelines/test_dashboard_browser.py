"""The dashboard, clicked through in a browser: what it shows is what the marts have."""

import csv
import re
from datetime import date, timedelta

import pyarrow.parquet as pq
import pytest

from tests.support.browser import PHONE, watched_page
from tests.support.dashboard_accounts import (
    COUNTED,
    NOON_LOST,
    THIS_YEAR,
    TODAY,
    UNKNOWN,
    house,
)
from tests.support.dashboard_page import DashboardPage
from tests.support.dashboard_process import dashboard
from tests.support.page_traffic import PageTraffic

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.processes, pytest.mark.end_to_end]
MAY = "?period=month&date=2025-05-01"
ENERGIES = ("solar_kwh", "import_kwh", "export_kwh", "charge_kwh", "discharge_kwh", "home_kwh")


@pytest.fixture(scope="module")
def owner(browser_path, tmp_path_factory):
    with house(tmp_path_factory) as owner:
        yield owner


@pytest.fixture(scope="module")
def server(owner):
    with dashboard(owner.folder, owner.environment) as server:
        yield server


@pytest.fixture
def look(server, browser):
    """Return a function that opens the dashboard; errors and foreign requests fail the test."""
    opened = []

    def opened_page(query="", **options):
        watched = watched_page(browser, server.address, **options)
        opened.append(watched)
        return DashboardPage(watched.__enter__().page, server.address).open(query)

    yield opened_page
    for watched in opened:
        watched.__exit__(None, None, None)


@pytest.fixture(scope="module")
def may(owner):
    """Return the days of May as the mart has them, by date."""
    rows = owner.sql(
        "FROM site_daily WHERE local_date BETWEEN '2025-05-01' AND '2025-05-31' ORDER BY local_date"
    )
    return {row["local_date"]: row for row in rows}


def number(text):
    """Return the first number of a text as the page writes it in English."""
    return float(re.search(r"-?[\d,]+(\.\d+)?", text)[0].replace(",", ""))


def test_it_opens_at_today_with_the_figures_of_the_mart(look, owner):
    page = look()
    assert page.state["period"] == "day"
    assert "date" not in page.state
    assert "18 June 2025" in page.title
    (today,) = owner.sql(f"FROM site_daily WHERE local_date = '{TODAY}'")
    for tile, column in (("solar", "solar_kwh"), ("import", "import_kwh")):
        assert number(page.tile(tile)) == pytest.approx(today[column], abs=0.05)
    # A day that goes on is none of the whole days.
    assert re.search(r"0\D+1", page.tile("complete"))
    assert page.chart("power").is_visible()
    assert page.failed_figures == 0


def test_periods_arrows_and_comparison_are_in_the_address_and_the_back_button_undoes_them(look):
    page = look()
    page.period("month")
    assert (page.title, page.state["period"]) == ("June 2025", "month")
    page.go("previous")
    assert (page.title, page.state["date"]) == ("May 2025", "2025-05-01")
    page.go("next")
    assert page.title == "June 2025"
    page.compare("year")
    assert page.state["compare"] == "year"
    page.period("year")
    assert page.title == "2025"
    page.period("week")
    page.period("all")
    assert page.state["period"] == "all"
    for title in ("2025", "June 2025"):
        page.page.go_back()
        page.page.wait_for_function("(title) => document.title.includes(title)", arg=title)
        if title == "2025":
            page.page.go_back()
            page.wait()
    assert page.state["compare"] == "year"
    address = page.page.url
    page.page.reload()
    page.wait()
    assert (page.page.url, page.title) == (address, "June 2025")
    page.go_to_date(date(2025, 5, 14))
    assert page.title == "May 2025"


def test_arrows_end_where_the_data_end(look):
    page = look()
    assert page.arrow("next").is_disabled()
    assert page.arrow("previous").is_enabled()
    page = look("?period=month&date=2024-06-01")
    assert page.arrow("previous").is_disabled()


def test_a_click_on_a_bar_leads_to_its_day_and_one_on_a_month_to_its_month(look, may):
    page = look("?period=year&date=2025-01-01")
    page.click_bar("energy", 4)
    assert (page.title, page.state["period"]) == ("May 2025", "month")
    page.click_bar("energy", 14)
    assert (page.state["period"], page.state["date"]) == ("day", "2025-05-15")
    assert "15 May 2025" in page.title
    solar_kwh = may[date(2025, 5, 15)]["solar_kwh"]
    assert number(page.tile("solar")) == pytest.approx(solar_kwh, abs=0.05)


def test_comparison_shows_last_years_figures_and_on_how_many_days_they_rest(look, owner):
    page = look("?period=month&date=2025-06-01&compare=year")
    (past,) = owner.sql(
        "SELECT sum(solar_kwh) AS kwh FROM site_daily"
        " WHERE local_date BETWEEN '2024-06-01' AND '2024-06-18'"
    )
    assert f"{past['kwh']:.1f}" in page.tile("solar")
    assert page.chart("energy").evaluate(
        "(element) => echarts.getInstanceByDom(element).getOption().series.some("
        "({ stack }) => stack === 'other')"
    )


def test_sums_over_holes_say_so_and_days_that_are_not_whole_are_hatched(look, may):
    page = look(MAY)
    whole = [day for day, row in may.items() if row["is_complete"]]
    assert len(whole) == 25
    solar_kwh = sum(row["solar_kwh"] for row in may.values() if row["solar_kwh"] is not None)
    tile = page.tile("solar")
    assert number(tile.split("\n", 1)[1]) == pytest.approx(solar_kwh, abs=0.05)
    assert re.search(r"25\D+31", tile)
    assert re.search(r"25\D+31", page.tile("complete"))
    rows = {row[0]: row for row in page.table("energy")[1:]}
    assert len(rows) == 31
    (unknown,) = (row for name, row in rows.items() if "10 May" in name)
    assert "\N{EN DASH}" in unknown
    assert not [cell for cell in unknown[1:6] if re.search(r"\d", cell)]
    # Homes are known by flows only: what counters have of a day is beside it.
    (counted,) = (row for name, row in rows.items() if f"{COUNTED.day} May" in name)
    assert re.search(r"\d", counted[1])
    assert page.hatched_bars("energy") == {
        day for day in range(31) if date(2025, 5, day + 1) not in whole
    }
    missing = page.figure("missing").inner_text()
    assert "givlake backfill" in missing


def test_a_day_of_which_a_half_hour_is_missing_shows_the_rest(look):
    page = look(f"?period=day&date={NOON_LOST}")
    rows = {row[0]: row for row in page.table("half_hours")[1:]}
    assert len(rows) == 48
    assert re.search(r"\d", rows["11:30"][1])
    assert page.failed_figures == 0
    empty = look(f"?period=day&date={UNKNOWN}")
    assert empty.failed_figures == 0
    assert empty.figure("power").is_visible()


def test_the_squares_of_the_heat_map_have_colours(look):
    page = look(MAY)
    assert [page.square_opacity("heat_map", index) for index in (0, 12)] == [255, 255]


def test_the_csv_of_a_picture_is_the_mart(look, may):
    page = look(MAY)
    name, path = page.download("energy", "csv")
    assert name == "givlake-energy-70001-2025-05.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["bucket_start"] for row in rows] == [f"2025-05-{day:02}" for day in range(1, 32)]
    for row in rows:
        # What is served is rounded to hundredths of a kWh.
        expected = may.get(date.fromisoformat(row["bucket_start"]), dict.fromkeys(ENERGIES))
        for column in ENERGIES:
            if expected[column] is None:
                assert row[column] == ""
            else:
                assert float(row[column]) == pytest.approx(expected[column], abs=0.0051)


def test_the_parquet_file_has_the_same_rows_with_types(look):
    page = look(MAY)
    _, path = page.download("energy", "csv")
    name, file = page.download("energy", "parquet")
    assert name == "givlake-energy-70001-2025-05.parquet"
    table = pq.read_table(file)
    with path.open(newline="", encoding="utf-8") as written:
        rows = list(csv.reader(written))
    assert table.column_names == rows[0]
    assert table.num_rows == len(rows) - 1 == 31
    assert table.column("bucket_start").to_pylist()[0] == date(2025, 5, 1)
    solar = [None if row[1] == "" else float(row[1]) for row in rows[1:]]
    assert table.column(rows[0][1]).to_pylist() == pytest.approx(solar)


def test_the_sql_that_is_shown_runs_and_gives_what_is_shown(look, owner):
    page = look(MAY)
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sql = page.sql("energy")
    found = owner.sql(sql)
    assert len(found) == 31
    _, path = page.download("energy", "csv")
    with path.open(newline="", encoding="utf-8") as file:
        (shown,) = (r for r in csv.DictReader(file) if r["bucket_start"] == str(THIS_YEAR))
    (row,) = (row for row in found if row["bucket_start"] == THIS_YEAR)
    assert float(shown["solar_kwh"]) == pytest.approx(row["solar_kwh"])
    page.figure("energy").get_by_role("button", name=re.compile("Copy")).click()
    assert page.page.evaluate("navigator.clipboard.readText()") == sql


def test_every_figure_of_every_period_has_sql_that_runs(look, owner):
    for period in ("day", "week", "month", "year", "all"):
        page = look(f"?period={period}&date={TODAY - timedelta(days=1)}")
        figures = [
            each.get_attribute("id") for each in page.page.locator("article.card[id]:visible").all()
        ]
        names = [name.removeprefix("figure-") for name in figures]
        assert {"flows", "cost"} <= {*names, *(["cost"] if period == "day" else [])}
        for name in names:
            if page.figure(name).locator(".figure-foot details").count():
                assert owner.sql(page.sql(name)) is not None


def test_dark_by_the_systems_wish_and_by_the_button_which_is_remembered(look):
    background = "getComputedStyle(document.body).backgroundColor"
    dark = look(color_scheme="dark").page.evaluate(background)
    page = look(color_scheme="light")
    light = page.page.evaluate(background)
    assert brightness(dark) < 60 < 200 < brightness(light)
    button = page.page.locator("button.theme")
    while page.page.evaluate(background) != dark:
        button.click()
    page.page.reload()
    page.wait()
    assert page.page.evaluate(background) == dark


def brightness(colour):
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


@pytest.mark.parametrize(
    "period",
    ["day", "week", "month", "year", "all"],
)
def test_a_phone_scrolls_down_only(look, period):
    page = look(f"?period={period}&date=2025-05-20&compare=year", viewport=PHONE, is_mobile=True)
    assert page.width_px <= PHONE["width"]
    assert page.failed_figures == 0


def test_the_keyboard_reaches_periods_arrows_and_tables(look):
    page = look()
    keyboard = page.page.keyboard
    keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.classList.contains('skip')")
    page.page.locator("[data-period=day]").focus()
    for _ in range(2):
        keyboard.press("ArrowRight")
        page.wait()
    assert page.title == "June 2025"
    assert page.page.evaluate("document.activeElement.dataset.period") == "month"
    page.arrow("previous").focus()
    keyboard.press("Enter")
    page.wait()
    assert page.title == "May 2025"
    page.figure("energy").locator("summary").first.focus()
    keyboard.press("Enter")
    # It is built once it is open.
    page.figure("energy").locator("table").wait_for(state="visible")
    focus = page.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert focus != "none"


def test_printing_leaves_out_what_is_to_be_clicked(look):
    page = look(MAY)
    page.page.emulate_media(media="print")
    for control in ("[data-period=month]", "#compare", "button.theme"):
        assert not page.page.locator(control).is_visible()
    assert page.tile("solar")
    assert page.chart("energy").is_visible()
    assert len(page.page.pdf()) > 10_000


def test_a_page_is_few_requests_and_a_library_of_a_megabyte(look, browser, server):
    with watched_page(browser, server.address) as watched:
        traffic = PageTraffic(watched.page)
        DashboardPage(watched.page, server.address).open(f"{MAY}&compare=year")
        watched.page.wait_for_load_state("networkidle")
        assert 5 < traffic.requests <= 10
        assert 300_000 < traffic.sent_bytes <= 1_300_000
        assert 1_100_000 < traffic.unpacked_bytes <= 1_600_000
