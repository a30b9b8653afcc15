"""A report opened as a file: pictures with scripts, tables without, and no request at all."""

from pathlib import Path

import pytest

from simulator import Simulator
from tests.support.browser import PHONE, watched_page
from tests.support.mart_house import fill, house_settings

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.processes, pytest.mark.end_to_end]
HERE = "file:///"


@pytest.fixture(scope="module")
def file(browser_path, tmp_path_factory) -> Path:
    """Give the report of a month with days that are not whole."""
    with Simulator(house_settings()) as sim:
        house = fill(sim, tmp_path_factory)
        done = house.owner.givlake("report", "--month", "2024-06", "--to", "june.html")
        assert done.status == 0, done.output
    return house.owner.folder / "june.html"


def opened(watched, file):
    """Open the file; return the page."""
    watched.page.goto(file.as_uri())
    return watched.page


def test_the_pictures_are_drawn_without_a_request(file, browser):
    with watched_page(browser, HERE) as watched:
        page = opened(watched, file)
        page.wait_for_selector("#figure-energy .chart svg")
        page.wait_for_selector("#figure-flows .chart svg")
        assert page.locator("h1:visible").inner_text() == "June 2024"
        assert page.locator(".tile:visible").count() == 8
        tables = page.locator("#report-figures table")
        assert not tables.first.is_visible()
        page.locator("#report-figures > summary").click()
        assert tables.first.is_visible()
        # Nothing that needs a server can be clicked.
        assert page.locator("a[data-go]:visible, a[download]:visible, select:visible").count() == 0
        assert [each.url for each in watched.requests] == [file.as_uri()]


def test_without_scripts_the_tables_are_what_shows(file, browser):
    with watched_page(browser, HERE, java_script_enabled=False) as watched:
        page = opened(watched, file)
        assert page.locator("h1:visible").inner_text().endswith(", June 2024")
        captions = page.locator("#report-figures caption:visible").all_inner_texts()
        assert captions[:3] == ["Sums", "From where to where (5 of 30 days)", "Energy, kWh"]
        assert not page.locator("#main").is_visible()
        assert page.locator("footer.report-proof code").first.is_visible()
        assert [each.url for each in watched.requests] == [file.as_uri()]


def test_on_a_phone_it_is_as_wide_as_the_screen(file, browser):
    for scripts in (True, False):
        options = {"viewport": PHONE, "java_script_enabled": scripts}
        with watched_page(browser, HERE, **options) as watched:
            page = opened(watched, file)
            if scripts:
                page.wait_for_selector("#figure-energy .chart svg")
            assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_it_prints_with_pictures(file, browser):
    with watched_page(browser, HERE) as watched:
        page = opened(watched, file)
        page.wait_for_selector("#figure-energy .chart svg")
        page.emulate_media(media="print")
        assert page.locator("#figure-energy").is_visible()
        assert page.locator("footer.report-proof code").first.is_visible()
        tables = page.locator("#report-figures table")
        assert not tables.first.is_visible()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert tables.first.is_visible()
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert not tables.first.is_visible()
        assert len(page.pdf(format="A4")) > 20_000
