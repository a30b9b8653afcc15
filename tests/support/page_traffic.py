"""What a page loads: requests, and bytes as sent and as unpacked."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page


class PageTraffic:
    """Counts from now on; the page's console and requests are `Watched`'s business."""

    def __init__(self, page: Page) -> None:
        """Start counting."""
        self.requests = 0
        self.sent_bytes = 0
        self.unpacked_bytes = 0
        session = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._on_request)
        session.on("Network.loadingFinished", self._on_finished)
        session.on("Network.dataReceived", self._on_data)
        session.send("Network.enable")

    def reset(self) -> None:
        """Count from 0 again."""
        self.requests = self.sent_bytes = self.unpacked_bytes = 0

    def _on_request(self, event: dict[str, Any]) -> None:
        self.requests += event["request"]["url"].startswith("http")

    def _on_finished(self, event: dict[str, Any]) -> None:
        self.sent_bytes += int(event["encodedDataLength"])

    def _on_data(self, event: dict[str, Any]) -> None:
        self.unpacked_bytes += int(event["dataLength"])
