"""What tests and pictures use of the dashboard's page: the only place that knows its elements."""

from __future__ import annotations

import re
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page

# Where a bar of a chart is on the page; the series that is highest there.
_BAR = """(element, [series, index]) => {
    const chart = echarts.getInstanceByDom(element.querySelector("[_echarts_instance_]"));
    const option = chart.getOption();
    const number = option.series.findIndex((each) => each.name === series || each.id === series);
    const found = number < 0 ? 0 : number;
    const values = option.series[found].data.map((each) => each?.value ?? each);
    const value = Array.isArray(values[index]) ? values[index][1] : values[index];
    const box = chart.getDom().getBoundingClientRect();
    const [x, y] = chart.convertToPixel({ seriesIndex: found }, [index, value / 2]);
    return { x: box.x + x, y: box.y + y };
}"""


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
        self.page.wait_for_selector("html[data-state=ready]")
        return self

    @property
    def state(self) -> dict[str, str]:
        """The parts of the address's query."""
        parts = parse_qs(urlsplit(self.page.url).query)
        return {name: values[0] for name, values in parts.items()}

    def figure(self, name: str) -> Locator:
        """Return a picture with its heading, table and files."""
        return self.page.locator(f"#figure-{name}")

    def tile(self, name: str) -> Locator:
        """Return the tile of a figure such as `solar`."""
        return self.page.locator(f".tile.is-{name}")

    def go(self, name: str) -> None:
        """Press a button of the header, such as Month or Previous, and wait."""
        header = self.page.get_by_role("banner")
        header.get_by_role("button", name=re.compile(f"^{name}", re.IGNORECASE)).click()
        self.wait()

    def click_bar(self, figure: str, series: str, index: int) -> None:
        """Click into a bar and wait for what it leads to."""
        box = self.figure(figure)
        box.scroll_into_view_if_needed()
        spot: dict[str, Any] = box.evaluate(_BAR, [series, index])
        self.page.mouse.click(spot["x"], spot["y"])
        self.wait()

    def click_anything(self, dice: Random) -> None:
        """Press any button of the header that leads somewhere, and wait."""
        buttons = self.page.locator("[data-period], [data-go]:not([disabled])").all()
        dice.choice([each for each in buttons if each.is_visible()]).click()
        self.wait()

    @property
    def failed_figures(self) -> int:
        """The number of pictures that say that they failed."""
        return self.page.locator(".is-problem:visible").count()
