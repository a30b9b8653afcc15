"""Pages in a real Chromium, whose errors and requests are recorded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.support.find_chromium import find_chromium

# Set where a browser must be there: without one tests fail instead of being skipped.
REQUIRED = "GIVLAKE_REQUIRE_BROWSER"
# A page that works never takes this long, on a busy machine either. One that does not takes it in
# every test, hence less than `TIMEOUT_S`.
BROWSER_TIMEOUT_S = 120
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
# How requests end that a server is asked while it stops or when it is gone: answered with 503,
# refused, or cut off before or after the first byte of the answer.
SERVER_GONE = (
    r"status of 503"
    r"|net::ERR_(CONNECTION_\w+|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING|CONTENT_LENGTH_MISMATCH"
    r"|SOCKET_NOT_CONNECTED)\b"
)
# Without a screen, and without traffic of the browser's own.
FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@dataclass
class Watched:
    """A page, and what it did.

    Attributes:
        page: The page.
        host: Host and port of the server.
        requests: All requests, to other hosts too.
        errors: Messages of the console and exceptions that nothing caught.
        expected: Errors that the test provokes.
    """

    page: Page
    host: str
    requests: list[Request] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect_error(self, pattern: str) -> None:
        """Accept errors in which a regular expression is found."""
        self.expected.append(pattern)

    def check(self) -> None:
        """Fail if an error was logged, or another host than the server was asked."""
        foreign = [each.url for each in self.requests if not self._is_own(each.url)]
        assert foreign == []
        found = [e for e in self.errors if not any(re.search(p, e) for p in self.expected)]
        assert found == [], found

    def _is_own(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.scheme in ("data", "blob") or parts.netloc == self.host


def chromium_path() -> str:
    """Return the path of a Chromium; skip the test without one, or fail it if required."""
    path = find_chromium()
    if path is None:
        reason = "no Chromium found: install one, or set CHROMIUM to its path"
        if os.environ.get(REQUIRED):
            pytest.fail(f"{reason} ({REQUIRED} is set)")
        pytest.skip(reason)
    return path


@contextmanager
def chromium(path: str, environment: Mapping[str, str] | None = None) -> Iterator[Browser]:
    """Start Chromium.

    Args:
        path: The path of the program.
        environment: Its environment; by default that of this process.
    """
    with sync_playwright() as playwright:
        # Chromium's sandbox does not work for root.
        browser = playwright.chromium.launch(
            executable_path=path,
            args=FLAGS,
            chromium_sandbox=os.geteuid() != 0,
            env=dict(os.environ if environment is None else environment),
        )
        yield browser
        browser.close()


@contextmanager
def watched_page(browser: Browser, address: str, **options: Any) -> Iterator[Watched]:
    """Open an empty page in a context of its own, in English of Britain without animations.

    Args:
        browser: The browser.
        address: The server's address; requests to any other fail the test.
        options: Options of the context, such as `locale` or `color_scheme`.
    """
    defaults: dict[str, Any] = {
        "locale": "en-GB", "timezone_id": "Europe/London", "viewport": DESKTOP,
        "reduced_motion": "reduce",
    }  # fmt: skip
    context = browser.new_context(**defaults | options)
    context.set_default_timeout(BROWSER_TIMEOUT_S * 1000)
    watched = Watched(context.new_page(), urlsplit(address).netloc)

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "assert"):
            watched.errors.append(f"{message.text} ({message.location.get('url')})")

    context.on("console", on_console)
    context.on("weberror", lambda error: watched.errors.append(str(error.error)))
    # Playwright marks functions, which built-in ones do not allow.
    context.on("request", lambda request: watched.requests.append(request))
    try:
        yield watched
    finally:
        context.close()
    watched.check()
