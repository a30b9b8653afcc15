"""Records of what the client does: requests, pages, failed attempts and totals.

Only data and what follows from it directly; no decisions.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime
from types import MappingProxyType
from typing import Any

from givenergy.budget.request_budget import Priority
from givenergy.endpoints.definition import Endpoint
from givenergy.errors import CancelledError
from givenergy.redaction import Redaction

__all__ = [
    "EXCERPT_BYTES",
    "ApiRequest",
    "ClientTotals",
    "FailedAttempt",
    "Fetched",
    "Page",
    "Query",
    "Totals",
]

EXCERPT_BYTES = 2048

# A sequence is sent as one parameter for each of its values.
Query = Mapping[str, str | int | Sequence[str | int]]


@dataclass(frozen=True, slots=True)
class Page:
    """One successful response.

    Attributes:
        number: Page number, from 1.
        body: The body as received (content-decoded); redacted on endpoints with personal data.
        rows: Rows in `data`; None if it is a single object.
        status: HTTP status.
        requested_at: When the successful attempt was sent (UTC).
        received_at: When its response was complete (UTC).
        duration_s: Seconds between the two, by a monotonic clock.
        attempts: Attempts that this page took, including failed ones.
        params: Query and body parameters, redacted like the body.
        url_path: Path below the base URL, as sent.
        redaction_version: Version of the redaction applied; None if the body is as received.
        page_count: Pages of the whole list; None if the response does not say.
    """

    number: int
    body: bytes
    rows: int | None
    status: int
    requested_at: datetime
    received_at: datetime
    duration_s: float
    attempts: int
    params: Mapping[str, Any]
    url_path: str
    redaction_version: int | None
    page_count: int | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """All pages of one request; if not `complete`, `missing` says why."""

    pages: tuple[Page, ...]
    complete: bool
    missing: str | None


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """One request without a usable response.

    Attributes:
        endpoint: Name of the endpoint.
        method: HTTP method.
        url_path: Path below the base URL, as sent.
        params: Query and body parameters, redacted on endpoints with personal data.
        status: HTTP status, None if no response began.
        kind: "http_503", "timeout", "reset", "truncated", "unreachable", "tls", "not_json",
            "empty_body", "no_data", "rate_limited", "too_large", "proxy", and "foreign" and
            "redirect" for what is not the API's own answer.
        message: The API's error message, else the client's own; without the token.
        excerpt: The body's first 2 kB without the token; empty on endpoints with personal data.
        requested_at: When it was sent (UTC).
        ended_at: When it had failed (UTC).
        final: Whether no further attempt follows.
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
class ApiRequest:
    """One request of the caller, for all its pages."""

    endpoint: Endpoint
    url_path: str
    query: Query
    body: Mapping[str, Any] | None
    priority: Priority
    context: Mapping[str, str]
    redaction: Redaction
    most_attempts: int | None = None

    def __post_init__(self) -> None:
        self.endpoint.check_body(self.body)

    @property
    def what(self) -> str:
        """The request for messages: method and path."""
        return f"{self.endpoint.method} {self.url_path}"

    def cancelled(self) -> CancelledError:
        """Return the error of a request that the caller has cancelled."""
        return CancelledError(f"Cancelled before {self.what} was fetched.")

    def query_of_page(self, number: int) -> Query:
        """Return the query for one page; only the page number differs between pages."""
        if self.endpoint.page_size is None:
            return self.query
        return {**self.query, "page": number, "pageSize": self.endpoint.page_size}

    def params(self, number: int) -> dict[str, Any]:
        """Return the query and body parameters of one page, redacted."""
        return self.redaction.params({**self.query_of_page(number), **(self.body or {})})

    def failed_attempt(
        self,
        page: int,
        status: int | None,
        kind: str,
        message: str,
        excerpt: bytes,
        times: tuple[datetime, datetime],
        final: bool,
    ) -> FailedAttempt:
        """Return the record of a failed attempt, without the excerpt of personal data.

        Args:
            page: Number of the page.
            status: As of `FailedAttempt`, and so are the others.
            kind: Kind of failure.
            message: Message.
            excerpt: The body's first bytes.
            times: When it was sent, and when it had failed.
            final: Whether no further attempt follows.
        """
        return FailedAttempt(
            endpoint=self.endpoint.name,
            method=self.endpoint.method,
            url_path=self.url_path,
            params=self.params(page),
            status=status,
            kind=kind,
            message=message,
            excerpt=b"" if self.endpoint.keep is not None else excerpt,
            requested_at=times[0],
            ended_at=times[1],
            final=final,
            context=self.context,
        )


@dataclass(frozen=True, slots=True)
class ClientTotals:
    """Totals of a client.

    Attributes:
        requests: Requests that were sent.
        failed: Attempts that failed.
        rate_limited: 429 responses.
        received_bytes: Bytes of successful responses.
        waited_s: Seconds of waiting for the budget, summed over threads; without outages.
    """

    requests: int = 0
    failed: int = 0
    rate_limited: int = 0
    received_bytes: int = 0
    waited_s: float = 0.0


class Totals:
    """What a client does: a thread-safe sum of `ClientTotals`, and its present state.

    Attributes:
        in_flight: Requests that have been sent and not been answered.
        last_failure: What the last failed attempt said; empty if none has failed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = ClientTotals()
        self.in_flight = 0
        self.last_failure = ""

    def note_failure(self, status: int | None, message: str) -> None:
        """Keep what a failed attempt said."""
        self.last_failure = message if status is None else f"HTTP {status}: {message}"

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request as in flight within a block."""
        with self._lock:
            self.in_flight += 1
        try:
            yield
        finally:
            with self._lock:
                self.in_flight -= 1

    def add(self, more: ClientTotals) -> None:
        """Add to the sums."""
        with self._lock:
            self._now = ClientTotals(
                *(getattr(self._now, f.name) + getattr(more, f.name) for f in fields(more))
            )

    def get(self) -> ClientTotals:
        """Return the sums so far."""
        return self._now
