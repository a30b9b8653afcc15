"""What the dashboard's page shows while devices, dates, data and the day change under it."""

import re
from contextlib import contextmanager
from datetime import timedelta

import pytest

from tests.support.browser import watched_page
from tests.support.dashboard_accounts import TODAY, YESTERDAY, account
from tests.support.dashboard_page import DashboardPage
from tests.support.dashboard_process import dashboard

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.processes, pytest.mark.end_to_end]
FIRST = TODAY - timedelta(days=3)
NOON = "2025-06-18T12:40:00+01:00"
LOOK_FOR_DATA = "document.dispatchEvent(new Event('visibilitychange'))"


@pytest.fixture(scope="module")
def server(browser_path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    commands = [("backfill", "--start", FIRST, "--end", TODAY)]
    with (
        account(folder, *commands, inverters=2, commissioned=FIRST) as owner,
        dashboard(owner.folder, owner.environment) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def serials(server):
    """Return the serial numbers of the two inverters."""
    (site,) = server.json("/api/about")["sites"]
    return [inverter["serial"] for inverter in site["inverters"]]


@pytest.fixture
def look(server, browser):
    """Return a context manager that opens the dashboard, with errors to be expected."""

    @contextmanager
    def opened(query="", *errors, **options):
        with watched_page(browser, server.address, **options) as watched:
            for error in errors:
                watched.expect_error(error)
            watched.page.clock.install(time=NOON)
            yield DashboardPage(watched.page, server.address).open(query)

    return opened


class Held:
    """The first requests of a kind, which wait until they are sent."""

    def __init__(self, page, pattern, text="", most=1):
        self.routes = []
        self.page = page.page

        def hold(route):
            if text in route.request.url and len(self.routes) < most:
                self.routes.append(route)
            else:
                route.continue_()

        page.page.route(pattern, hold)

    def wait(self):
        """Wait until there is one, and return the first."""
        while not self.routes:
            self.page.wait_for_timeout(50)
        return self.routes[0]


def test_a_reading_is_shown_of_its_own_device_only(look, serials):
    first, second = serials
    with look(f"?of=inverter:{first}") as page:
        page.page.locator(".now-values").wait_for()
        held = Held(page, "**/api/now*", most=9)
        page.page.evaluate(LOOK_FOR_DATA)
        late = held.wait()
        page.pick(second)
        assert second in page.main
        assert page.page.locator(".now-values").count() == 0
        with page.page.expect_response("**/api/now*"):
            late.continue_()
        page.page.wait_for_timeout(300)
        assert page.page.locator(".now-values").count() == 0


def test_a_date_is_applied_once_it_is_typed(look):
    with look() as page:
        page.page.clock.pause_at("2025-06-18T12:50:00+01:00")
        field = page.page.locator("input.date")
        entries = page.page.evaluate("history.length")
        field.focus()
        field.press("ArrowDown")
        field.press("ArrowDown")
        typed = field.input_value()
        assert typed != str(TODAY)
        assert "date" not in page.state
        assert page.focused == "date"
        page.page.clock.resume()
        field.press("Enter")
        page.page.wait_for_url(f"**date={typed}*")
        page.wait()
        assert page.page.evaluate("history.length") == entries + 1
        assert (page.focused, field.input_value()) == ("date", typed)


def test_a_poll_does_not_end_what_the_reader_waits_for(look):
    with look() as page:
        newer, month = Held(page, "**/api/now*"), Held(page, "**/api/charts*", "period=month")
        page.page.evaluate(LOOK_FOR_DATA)
        poll = newer.wait()
        page.page.locator("[data-period=month]").click()
        first, ended = month.wait(), []
        page.page.on("requestfailed", lambda request: ended.append(request.url))
        answer = poll.fetch()
        poll.fulfill(response=answer, json={**answer.json(), "data_version": "another"})
        page.page.wait_for_timeout(300)
        assert ended == []
        first.continue_()
        page.page.wait_for_function("document.title.includes('June 2025')")
        page.wait()
        assert page.page.locator("[data-period=month]").get_attribute("aria-checked") == "true"


def test_a_poll_that_is_refused_says_so_until_one_is_answered(look):
    with look("", "503") as page:
        page.page.route(
            "**/api/now*", lambda route: route.fulfill(status=503, json={"error": "No folder."})
        )
        page.poll_until(lambda: "No folder." in page.banners)
        page.page.unroute_all()
        page.poll_until(lambda: "No folder." not in page.banners)
        assert page.has_tiles


def test_a_page_that_stays_open_follows_the_newest_day(look):
    with look("?period=week") as page:
        assert "date" not in page.state
        with page.page.expect_request("**/api/charts*") as asked:
            page.page.clock.fast_forward("12:00:00")
        assert "date=" not in asked.value.url
        page.wait()
        page.go("previous")
        assert "date" in page.state


@pytest.mark.parametrize(
    ("locale", "language", "title"),
    [
        ("de-AT", "de", "Jänner 2025"),
        ("pl-PL", "en", "January 2025"),
        ("th-TH", "en", "January 2025"),
    ],
)
def test_dates_are_in_the_language_of_the_texts(look, locale, language, title):
    with look("?period=month&date=2025-01-01", locale=locale) as page:
        assert page.title == title
        assert page.page.evaluate("document.documentElement.lang") == language


def test_the_focus_stays_near_when_a_device_is_picked_and_an_arrow_ends(look, serials):
    with look(f"?date={FIRST + timedelta(days=1)}") as page:
        page.pick(serials[1])
        assert page.focused == "picker"
        assert not page.page.locator("#picker-list").is_visible()
        page.arrow("previous").focus()
        page.page.keyboard.press("Enter")
        page.page.wait_for_url(f"**date={FIRST}*")
        page.wait()
        assert page.arrow("previous").is_disabled()
        assert page.focused == "next"


@pytest.mark.parametrize("part", ["of=site:nope", "period=decade", "capital=0"])
def test_what_is_wrong_in_the_address_can_be_left_out(look, part):
    with look(f"?{part}&compare=year", "400") as page:
        assert re.match(part.partition("=")[0], page.banners)
        assert page.page.locator("[data-period=day]").is_visible()
        page.page.locator(".banner button").click()
        page.page.locator(".tile.is-solar").wait_for()
        assert page.state["compare"] == "year"
        assert page.title == f"{TODAY:%A}, {TODAY.day} {TODAY:%B %Y}"


def test_what_is_asked_for_another_day_than_the_newest_stays(look):
    with look(f"?date={YESTERDAY}") as page:
        assert page.state["date"] == str(YESTERDAY)
