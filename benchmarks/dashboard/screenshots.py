"""Take the pictures of the README from a simulated account; takes a minute. Needs Chromium.

    python -m benchmarks.dashboard.screenshots [--to docs/pictures] [--folder build/pictures]

Account, clock and font are fixed, so that the pictures differ only where the page does. FOLDER is
emptied first.
"""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from benchmarks.common import ROOT, parser
from benchmarks.dashboard.pictured_account import NOW, pictured_account
from tests.support.browser import DESKTOP, PHONE, chromium, watched_page
from tests.support.dashboard_page import DashboardPage
from tests.support.dashboard_process import DashboardProcess, dashboard
from tests.support.find_chromium import find_chromium

LARGEST_BYTES = 250_000
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  {families}
</fontconfig>
"""
_FAMILY = """<match target="pattern">
    <test qual="any" name="family"><string>{name}</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit>
  </match>"""
# What each picture shows: the query, and how the browser is set.
PICTURES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "day": ("?period=day&date=2025-09-14", {}),
    "month": ("?period=month&date=2025-08-01&compare=year", {}),
    "year": ("?period=year&date=2025-01-01", {}),
    "dark": ("?period=week&date=2025-09-10", {"color_scheme": "dark"}),
    "phone": ("?period=day&date=2025-10-10", {"viewport": PHONE, "is_mobile": True}),
}


def take(browser: Browser, server: DashboardProcess, name: str) -> bytes:
    """Return a picture of the top of the page as WebP.

    Args:
        browser: The browser.
        server: The dashboard.
        name: The picture's name in `PICTURES`.
    """
    query, options = PICTURES[name]
    settings: dict[str, Any] = {"viewport": DESKTOP, "device_scale_factor": 2, **options}
    with watched_page(browser, server.address, **settings) as watched:
        watched.page.clock.set_fixed_time(NOW)
        DashboardPage(watched.page, server.address).open(query)
        session = watched.page.context.new_cdp_session(watched.page)
        for quality in (90, 80, 70, 60, 50):
            picture = {"format": "webp", "quality": quality}
            sent = session.send("Page.captureScreenshot", picture)
            found = base64.b64decode(sent["data"])
            if len(found) <= LARGEST_BYTES:
                return found
    raise SystemExit(f"The picture {name} has {len(found):,} bytes, more than {LARGEST_BYTES:,}.")


def main() -> None:
    """Take all pictures."""
    arguments = parser(__doc__)
    arguments.add_argument("--to", type=Path, default=ROOT / "docs/pictures")
    arguments.add_argument("--folder", type=Path, default=ROOT / "build/pictures")
    options = arguments.parse_args()
    path = find_chromium()
    if path is None:
        raise SystemExit("No Chromium found: install one, or set CHROMIUM to its path.")
    options.to.mkdir(parents=True, exist_ok=True)
    with pictured_account(options.folder) as owner, tempfile.NamedTemporaryFile("w") as fonts:
        families = "".join(_FAMILY.format(name=name) for name in ("system-ui", "sans-serif"))
        fonts.write(_FONTS.format(families=families))
        fonts.flush()
        environment = {**os.environ, "FONTCONFIG_FILE": fonts.name}
        with (
            dashboard(owner.folder, owner.environment) as server,
            chromium(path, environment) as browser,
        ):
            for name in PICTURES:
                file = options.to / f"dashboard-{name}.webp"
                file.write_bytes(take(browser, server, name))
                print(f"{file}: {file.stat().st_size:,} bytes", flush=True)


if __name__ == "__main__":
    main()
