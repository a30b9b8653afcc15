"""An audit of the dashboard by axe, in light and dark, on a desktop and on a phone."""

from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.support.browser import DESKTOP, PHONE, watched_page
from tests.support.dashboard_accounts import account, house
from tests.support.dashboard_page import DashboardPage
from tests.support.dashboard_process import dashboard

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.end_to_end]
SCREENS = {"desktop": {"viewport": DESKTOP}, "phone": {"viewport": PHONE, "is_mobile": True}}
CASES = list(product(("day", "week", "month", "year", "all"), ("light", "dark"), SCREENS))


@pytest.fixture(scope="module")
def server(browser_path, tmp_path_factory):
    with (
        house(tmp_path_factory) as owner,
        dashboard(owner.folder, owner.environment) as server,
    ):
        yield server


@pytest.mark.slow
@pytest.mark.parametrize(("period", "theme", "screen"), CASES)
def test_axe_finds_nothing_serious(server, browser, period, theme, screen):
    with watched_page(browser, server.address, color_scheme=theme, **SCREENS[screen]) as watched:
        page = DashboardPage(watched.page, server.address)
        page.open(f"?period={period}&date=2025-05-20&compare=year")
        # What is closed is audited too.
        page.open_all_parts()
        assert serious(watched.page) == []


def test_axe_finds_nothing_serious_on_the_page_of_an_empty_folder(browser, tmp_path):
    with (
        account(tmp_path) as owner,
        dashboard(owner.folder, owner.environment) as server,
        watched_page(browser, server.address) as watched,
    ):
        DashboardPage(watched.page, server.address).open()
        assert serious(watched.page) == []


def serious(page):
    """Return what axe found that keeps people from reading or using the page, with its place."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
