"""Measure what the dashboard's page costs over five years of five inverters. Needs Chromium.

    python -m benchmarks.dashboard.page FOLDER [--rounds 5] [--clicking-s 120]

FOLDER was made by `benchmarks.marts.long_history`; it is read only. While somebody clicks, a
backfill writes into a copy of it. The figures are also written to page.json in FOLDER.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Response

from benchmarks.common import owner_of, parser, print_load, print_table, simulator_process
from tests.support import clock
from tests.support.browser import chromium, watched_page
from tests.support.dashboard_page import DashboardPage
from tests.support.dashboard_process import DashboardProcess, dashboard
from tests.support.find_chromium import find_chromium
from tests.support.owner import Owner, command
from tests.support.page_traffic import PageTraffic

# When and of what `benchmarks.marts.long_history` was made.
NOW = datetime(2025, 12, 20, 12, tzinfo=UTC)
ACCOUNT = (
    "--inverters", 5, "--gateways", 1, "--ev-chargers", 2, "--ev-points-every", 900,
    "--cheap-hours", "00:30-05:30", "--seed", 3, "--rate-limit", 100_000, "--rows-per-day", 288,
    "--empty-day-rate", 0, "--commissioned", "2020-06-01",
)  # fmt: skip
PAGES = {
    "day": "?period=day&date=2025-11-19",
    "week": "?period=week&date=2025-11-19",
    "month": "?period=month&date=2025-10-01&compare=year",
    "year": "?period=year&date=2024-06-01&compare=year",
    "all": "?period=all",
}
# Each month is written anew, from the beginning of the account to that of the history.
BACKFILLED = [f"2020-{month:02}" for month in range(6, 11)]
FIRST_CHART = """() => {
    const drawn = "[_echarts_instance_] svg path, [_echarts_instance_] canvas";
    new MutationObserver((_, observer) => {
        if (!document.querySelector(drawn)) return;
        window.firstChartMs = performance.now();
        observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
}"""


@dataclass
class Clicks:
    """What happened while somebody clicked."""

    clicks: int = 0
    requests: int = 0
    failed: int = 0
    charts_failed: int = 0
    console_errors: int = 0
    versions: int = 0
    backfills: int = 0
    slowest_s: float = 0.0


def cpu_s(server: DashboardProcess) -> float:
    """Return the CPU time that the server's process has used."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(server: DashboardProcess) -> float:
    """Return the memory of the server's process, without what it shares with others."""
    lines = Path(f"/proc/{server.process.pid}/smaps_rollup").read_text().splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("Pss:"))
    return int(kilobytes) / 1000


def load(browser: Browser, server: DashboardProcess, query: str) -> dict[str, float]:
    """Load a page in a context without a cache and return what it took.

    Args:
        browser: The browser.
        server: The dashboard.
        query: What the page shows.
    """
    with watched_page(browser, server.address, locale="en-GB") as watched:
        watched.page.add_init_script(f"({FIRST_CHART})()")
        traffic = PageTraffic(watched.page)
        began, used = time.monotonic(), cpu_s(server)
        DashboardPage(watched.page, server.address).open(query)
        whole_s = time.monotonic() - began
        # Figures further down may follow.
        watched.page.wait_for_load_state("networkidle")
        return {
            "first_chart_s": watched.page.evaluate("window.firstChartMs") / 1000,
            "whole_s": whole_s,
            "server_cpu_s": cpu_s(server) - used,
            "requests": traffic.requests,
            "sent_kb": traffic.sent_bytes / 1000,
            "unpacked_kb": traffic.unpacked_bytes / 1000,
        }


def cold(path: str, owner: Owner) -> dict[str, float]:
    """Return what the first page after the command takes, in a browser that has just started."""
    began = time.monotonic()
    with dashboard(owner.folder, owner.environment) as server:
        started_s = time.monotonic() - began
        with chromium(path) as browser:
            found = load(browser, server, "")
        return {"start_s": started_s, **found, "memory_mb": memory_mb(server)}


def warm(path: str, owner: Owner, rounds: int) -> dict[str, dict[str, float]]:
    """Return by page what it takes once the server has shown it, the median of some rounds."""
    found: dict[str, dict[str, float]] = {}
    with dashboard(owner.folder, owner.environment) as server:
        for name, query in PAGES.items():
            with chromium(path) as browser:
                first = load(browser, server, query)
            rows = []
            for _ in range(rounds):
                with chromium(path) as browser:
                    rows.append(load(browser, server, query))
            found[name] = {key: statistics.median(row[key] for row in rows) for key in first}
            found[name]["server_cpu_first_s"] = first["server_cpu_s"]
    return found


@contextmanager
def backfills(owner: Owner) -> Iterator[Callable[[], bool]]:
    """Yield a function that starts the next backfill when the last has ended, and says so."""
    waiting = iter(BACKFILLED * 100)
    running: list[subprocess.Popen[bytes]] = []

    def go_on() -> bool:
        if running and running[-1].poll() is None:
            return False
        if running and running[-1].returncode:
            raise SystemExit(f"The backfill failed: see {owner.folder}/backfill.log")
        month = next(waiting)
        with (owner.folder / "backfill.log").open("ab") as log:
            running.append(
                subprocess.Popen(
                    command("backfill", "--refetch", "--start", month, "--end", month),
                    cwd=owner.folder,
                    env=owner.environment,
                    stdout=log,
                    stderr=log,
                )
            )
        return len(running) > 1

    try:
        yield go_on
    finally:
        for process in running:
            process.terminate()
            process.wait()


def click_around(path: str, owner: Owner, seconds: float) -> Clicks:
    """Return what happens when somebody clicks for some time while a backfill writes.

    Args:
        path: Of Chromium.
        owner: The owner, whose simulator runs.
        seconds: How long.
    """
    found, dice, versions = Clicks(), random.Random(1), set[str]()

    def on_response(response: Response) -> None:
        found.requests += 1
        found.failed += response.status >= 400

    def on_failed(request: Any) -> None:
        # What the page itself gave up because the next click came is no error.
        found.failed += request.failure != "net::ERR_ABORTED"

    with (
        dashboard(owner.folder, owner.environment) as server,
        chromium(path) as browser,
        watched_page(browser, server.address) as watched,
        backfills(owner) as go_on,
    ):
        # They are counted.
        watched.expect_error("")
        page = DashboardPage(watched.page, server.address).open()
        watched.page.on("response", on_response)
        watched.page.on("requestfailed", on_failed)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found.backfills += go_on()
            began = time.monotonic()
            page.click_anything(dice)
            found.clicks += 1
            found.slowest_s = max(found.slowest_s, time.monotonic() - began)
            found.charts_failed += page.failed_figures
            versions.add(server.json("/api/now")["data_version"])
        found.versions, found.console_errors = len(versions), len(watched.errors)
    return found


def main() -> None:
    """Print the tables."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--clicking-s", type=float, default=120)
    options = arguments.parse_args()
    path = find_chromium()
    if path is None:
        raise SystemExit("No Chromium found: install one, or set CHROMIUM to its path.")
    print_load()
    with clock.at(NOW), tempfile.TemporaryDirectory() as copy:
        owner = Owner(options.folder, {}, token=None)
        first = cold(path, owner)
        print_table(list(first), [[f"{value:.2f}" for value in first.values()]])
        pages = warm(path, owner, options.rounds)
        columns = list(next(iter(pages.values())))
        rows = [[name, *(f"{row[c]:.2f}" for c in columns)] for name, row in pages.items()]
        print_table(["page", *columns], rows)
        shutil.copytree(options.folder / "data", Path(copy) / "data")
        with simulator_process(*ACCOUNT) as control:
            writing = owner_of(control, Path(copy), "energy_flows", "inverter_data_points")
            clicks = click_around(path, writing, options.clicking_s)
        print_table(list(vars(clicks)), [list(vars(clicks).values())])
    figures = {"cold": first, "warm": pages, "while_writing": vars(clicks)}
    rounded = json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 3))
    (options.folder / "page.json").write_text(json.dumps(rounded, indent=1) + "\n")
    print_load()


if __name__ == "__main__":
    main()
