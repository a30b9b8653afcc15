"""What tests and pictures use of the dashboard's page: the only place that knows its elements."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page

from tests.support.browser import BROWSER_TIMEOUT_S

# Longer than the page waits before it looks for new data.
POLL_MS = 31_000
ANSWER_S = 20
READY = '#main[aria-busy="false"]'
# Where the lowest part of a bar above the axis is on the screen.
_BAR = """(element, index) => {
    const chart = echarts.getInstanceByDom(element);
    const values = chart.getOption().series
        .map(({ type, data }) => type === "bar" ? data[index]?.value ?? data[index] : null);
    const seriesIndex = values.findIndex((value) => value > 0);
    const [x, y] = chart.convertToPixel({ seriesIndex }, [index, values[seriesIndex] / 2]);
    const box = element.getBoundingClientRect();
    return { x: box.x + x, y: box.y + y };
}"""
_HATCHED = """(element) => echarts.getInstanceByDom(element).getOption().series
    .filter((series) => series.type === "bar")
    .flatMap(({ data }) => data.flatMap((each, index) => each?.itemStyle?.decal ? [index] : []))
"""
# How opaque the middle of a square is.
_SQUARE = """(element, index) => {
    const chart = echarts.getInstanceByDom(element);
    chart.getZr().flush();
    const [day, hour] = chart.getOption().series[0].data[index];
    const [x, y] = chart.convertToPixel({ seriesIndex: 0 }, [day, hour]);
    const scale = window.devicePixelRatio;
    // ECharts draws on several layers.
    return Math.max(...[...element.querySelectorAll("canvas")].map((layer) =>
        layer.getContext("2d").getImageData(x * scale, y * scale, 1, 1).data[3]));
}"""
_OPEN = "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
_ARE_FILLED = """() => [...document.querySelectorAll(".figure-foot details[open]")]
    .every((each) => !each.checkVisibility() || each.querySelector("table, pre"))"""


class DashboardPage:
    """The dashboard in a browser's page.

    Attributes:
        page: The browser's page.
        address: The server's address.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address

    def open(self, query: str = "") -> DashboardPage:
        """Open the page and wait until it shows what the query names."""
        self.page.goto(f"{self.address}/{query}")
        return self.wait()

    def wait(self) -> DashboardPage:
        """Wait until all that belongs to the address is shown."""
        self.page.wait_for_selector(READY, state="attached")
        return self

    @property
    def state(self) -> dict[str, str]:
        """The parts of the address's query."""
        parts = parse_qs(urlsplit(self.page.url).query)
        return {name: values[0] for name, values in parts.items()}

    @property
    def title(self) -> str:
        """What the page is of, such as a month."""
        return self.page.get_by_role("heading", level=1).inner_text()

    @property
    def banners(self) -> str:
        """The texts above the figures: ingestion, problems."""
        return self.page.locator(".banners").inner_text()

    @property
    def main(self) -> str:
        """The text of the page below its header."""
        return self.page.locator("#main").inner_text()

    @property
    def has_tiles(self) -> bool:
        """Whether figures are shown."""
        return self.page.locator(".tile.is-solar").is_visible()

    @property
    def failed_figures(self) -> int:
        """The number of pictures that say that they failed."""
        return self.page.locator(".is-problem:visible").count()

    def tile(self, name: str) -> str:
        """Return the text of a tile, such as `solar`."""
        return self.page.locator(f".tile.is-{name}").inner_text().replace("\N{NO-BREAK SPACE}", " ")

    def section(self, name: str) -> Locator:
        """Return a part of the page, such as `car`."""
        return self.page.locator(f"#section-{name}")

    def figure(self, name: str) -> Locator:
        """Return a picture with its heading, table and files."""
        return self.page.locator(f"#figure-{name}")

    def chart(self, name: str) -> Locator:
        """Return the drawing in a picture."""
        return self.figure(name).locator("[_echarts_instance_]")

    def period(self, name: str) -> None:
        """Press the button of a period, such as `month`."""
        self.page.locator(f"[data-period={name}]").click()
        self.wait()

    def arrow(self, name: Literal["previous", "next"]) -> Locator:
        """Return an arrow beside the date."""
        return self.page.locator(f"[data-arrow={name}]")

    def go(self, name: Literal["previous", "next"]) -> None:
        """Press an arrow."""
        self.arrow(name).click()
        self.wait()

    def pick(self, device: str) -> None:
        """Choose a site or an inverter by the keyboard, and wait until its address is shown."""
        self.page.locator("#picker").click()
        self.page.keyboard.type(device)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"**{device}*")
        self.wait()

    @property
    def focused(self) -> str:
        """What has the focus: the part of an arrow or a period, else its id or its class."""
        script = """(({ dataset, id, className }) =>
            dataset.arrow ?? dataset.period ?? (id || className))(document.activeElement)"""
        return str(self.page.evaluate(script))

    def compare(self, name: Literal["none", "before", "year"]) -> None:
        """Choose what the period is compared with."""
        self.page.locator("#compare").select_option(name)
        self.wait()

    def go_to_date(self, day: object) -> None:
        """Choose a date."""
        field = self.page.locator("input[type=date]")
        field.fill(str(day))
        field.dispatch_event("change")
        self.wait()

    def click_bar(self, figure: str, index: int) -> None:
        """Click into a bar and wait for what it leads to."""
        chart = self.chart(figure)
        chart.scroll_into_view_if_needed()
        spot: dict[str, Any] = chart.evaluate(_BAR, index)
        self.page.mouse.click(spot["x"], spot["y"])
        self.wait()

    def hatched_bars(self, figure: str) -> set[int]:
        """Return which bars are hatched, by their place."""
        return set(self.chart(figure).evaluate(_HATCHED))

    def square_opacity(self, figure: str, index: int) -> int:
        """Return how opaque a square of a heat map is, 0 to 255."""
        return int(self.chart(figure).evaluate(_SQUARE, index))

    def table(self, figure: str) -> list[list[str]]:
        """Open the table of a picture; return the texts of its cells, with those of its heading."""
        part = self._opened(self.figure(figure).locator(".figure-foot details").first)
        return [
            [
                cell.replace("\N{NO-BREAK SPACE}", " ")
                for cell in row.locator("th, td").all_inner_texts()
            ]
            for row in part.locator("tr").all()
        ]

    def sql(self, figure: str) -> str:
        """Open the SQL of a picture and return it."""
        part = self._opened(self.figure(figure).locator(".figure-foot details").last)
        return part.locator("code").inner_text()

    def download(self, figure: str, layout: Literal["csv", "parquet"]) -> tuple[str, Path]:
        """Download the rows of a picture; return the suggested name and the file."""
        with self.page.expect_download() as waiting:
            self.figure(figure).locator(f"a[download][href*='format={layout}']").click()
        return waiting.value.suggested_filename, Path(waiting.value.path())

    def open_all_parts(self) -> None:
        """Open all tables and SQL."""
        self.page.evaluate(_OPEN)
        self.page.wait_for_function(_ARE_FILLED)

    def poll_until(self, is_so: Callable[[], object]) -> None:
        """Let the page look for new data, by its clock of `clock.install`, until it has them."""
        end = time.monotonic() + BROWSER_TIMEOUT_S
        while True:
            self.page.clock.fast_forward(POLL_MS)
            # The next look would end one that goes on.
            until = time.monotonic() + ANSWER_S
            while time.monotonic() < until:
                if is_so():
                    self.wait()
                    return
                self.page.wait_for_timeout(100)
            assert time.monotonic() < end, self.main

    def click_anything(self, dice: Random) -> None:
        """Press any button that leads to another period, and wait."""
        buttons = self.page.locator("[data-period], [data-arrow]:not([disabled])").all()
        dice.choice(buttons).click()
        self.wait()

    @property
    def width_px(self) -> int:
        """The width of all that can be scrolled to."""
        return int(self.page.evaluate("document.documentElement.scrollWidth"))

    def _opened(self, part: Locator) -> Locator:
        if part.get_attribute("open") is None:
            part.locator("summary").click()
        # It is built once it is open.
        part.locator("tbody, code").first.wait_for(state="attached")
        return part
