"""What is told about single requests: failed attempts for the archive, totals for the run.

Only records, no decisions.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

__all__ = ["EXCERPT_BYTES", "ClientTotals", "FailedAttempt", "Totals", "utc_now"]

EXCERPT_BYTES = 2048


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """One request that did not bring what was asked for.

    Attributes:
        endpoint: Name of the endpoint.
        method: HTTP method.
        url_path: Path below the base URL, as sent.
        params: Query and body parameters, redacted on endpoints with personal data.
        status: HTTP status, None when no answer began.
        kind: "http_503", "timeout", "reset", "truncated", "unreachable", "tls", "not_json",
            "empty_body", "no_data", "rate_limited", "too_large", "redirect".
        message: What the API said, else what the client saw; without token.
        excerpt: The body's first 2 kB without token; empty on endpoints with personal data.
        requested_at: When it was sent (UTC).
        ended_at: When it had failed (UTC).
        final: Whether no further try follows.
        context: What the caller passed to `Client.fetch`, unchanged.
    """

    endpoint: str
    method: str
    url_path: str
    params: Mapping[str, Any]
    status: int | None
    kind: str
    message: str
    excerpt: bytes
    requested_at: datetime
    ended_at: datetime
    final: bool
    context: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class ClientTotals:
    """What a client has done so far; `waited_s` is the sum over threads of waiting for grants."""

    requests: int = 0
    failed: int = 0
    rate_limited: int = 0
    received_bytes: int = 0
    waited_s: float = 0.0


class Totals:
    """A thread-safe sum of what a client does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = ClientTotals()

    def add(
        self,
        *,
        requests: int = 0,
        failed: int = 0,
        rate_limited: int = 0,
        received_bytes: int = 0,
        waited_s: float = 0.0,
    ) -> None:
        """Add to the sums."""
        with self._lock:
            now = self._now
            self._now = ClientTotals(
                now.requests + requests,
                now.failed + failed,
                now.rate_limited + rate_limited,
                now.received_bytes + received_bytes,
                now.waited_s + waited_s,
            )

    def get(self) -> ClientTotals:
        """The sums up to now."""
        return self._now


def utc_now() -> datetime:
    """The present by the wall clock, in UTC."""
    return datetime.now(UTC)
