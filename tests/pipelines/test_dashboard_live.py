"""The dashboard of unusual accounts, and while data come and the server goes."""

import re

import pytest

from tests.support.browser import SERVER_GONE, watched_page
from tests.support.dashboard_accounts import (
    MARKUP,
    TODAY,
    YESTERDAY,
    account,
    hostile,
    without_battery,
)
from tests.support.dashboard_page import DashboardPage
from tests.support.dashboard_process import dashboard

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.processes, pytest.mark.end_to_end]


@pytest.fixture(scope="module")
def owners(browser_path, tmp_path_factory):
    """Return two owners by the kind of their account, made before the browser starts."""
    folder = tmp_path_factory.mktemp
    with hostile(folder("hostile")) as first, without_battery(folder("plain")) as second:
        yield {"hostile": first, "plain": second}


def test_names_that_are_markup_stay_text_in_german_and_euros(owners, browser):
    owner = owners["hostile"]
    with (
        dashboard(owner.folder, owner.environment) as server,
        watched_page(browser, server.address, locale="de-DE") as watched,
    ):
        page = DashboardPage(watched.page, server.address).open(f"?period=day&date={YESTERDAY}")
        assert "17. Juni 2025" in page.title
        (day,) = owner.sql(f"FROM site_daily WHERE local_date = '{YESTERDAY}'")
        assert f"{day['solar_kwh']:.1f}".replace(".", ",") in page.tile("solar")
        assert re.search(r"-?\d+,\d\d €", page.tile("cost"))
        shown = 0
        for period in ("day", "week", "month", "all"):
            page.period(period)
            page.open_all_parts()
            shown += watched.page.get_by_text(MARKUP).count()
            assert watched.page.locator("img, #main b").count() == 0
            assert page.failed_figures == 0
        assert shown
        assert "owned" not in watched.page.title()
        assert MARKUP in server.get("/api/about").decode().replace('\\"', '"')


def test_a_house_without_battery_tariff_and_car_has_nothing_of_them(owners, browser):
    owner = owners["plain"]
    with (
        dashboard(owner.folder, owner.environment) as server,
        watched_page(browser, server.address) as watched,
    ):
        page = DashboardPage(watched.page, server.address)
        for period in ("day", "month", "all"):
            page.open(f"?period={period}&date={TODAY}")
            assert page.failed_figures == 0
            assert not page.section("car").is_visible()
            assert not page.section("battery").is_visible()
            assert watched.page.locator(".tile.is-battery").count() == 0
            assert "givlake tariffs load" in page.tile("cost")
            assert "NaN" not in page.main
            assert "undefined" not in page.main


def test_an_empty_folder_fills_and_the_server_goes_and_comes_while_the_page_is_open(
    browser, tmp_path
):
    with (
        account(tmp_path) as owner,
        dashboard(owner.folder, owner.environment) as server,
        watched_page(browser, server.address) as watched,
    ):
        port = int(server.address.rpartition(":")[2])
        watched.page.clock.install()
        page = DashboardPage(watched.page, server.address).open(f"?date={YESTERDAY}")
        assert page.failed_figures == 0
        assert "givlake backfill" in page.main
        assert not page.has_tiles

        # In a process of its own: Playwright's event loop runs in this one.
        done = owner.process("backfill", "--start", YESTERDAY, "--end", YESTERDAY)
        assert done.status == 0, done.output
        (day,) = owner.sql(f"FROM site_daily WHERE local_date = '{YESTERDAY}'")
        solar = f"{day['solar_kwh']:.1f}"
        # The page may have looked while only a part was stored.
        page.poll_until(lambda: page.has_tiles and solar in page.tile("solar"))
        assert page.state["date"] == str(YESTERDAY)
        # What has just sent requests may go on.
        assert re.search(r"fetch|ingest|running", page.banners, re.IGNORECASE)

        page.period("month")
        assert re.search(r"\b1 of \d", page.tile("complete"))
        done = owner.process("backfill", "--start", "2025-06-16", "--end", "2025-06-16")
        assert done.status == 0, done.output
        page.poll_until(lambda: re.search(r"\b2 of \d", page.tile("complete")))

        watched.expect_error(SERVER_GONE)
        server.stop()
        page.poll_until(lambda: "givlake dashboard" in page.banners)
        assert page.has_tiles
        with dashboard(owner.folder, owner.environment, port=port):
            page.poll_until(lambda: "givlake dashboard" not in page.banners)
            page.period("week")
            assert page.has_tiles
