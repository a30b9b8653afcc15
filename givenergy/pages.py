"""What a request is and what came of it: plain records between the client and its callers.

Only data and what follows from it directly; no sending, no judging.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from givenergy.budget.interface import Priority
from givenergy.endpoints import Endpoint
from givenergy.redaction import Redaction

__all__ = ["Call", "Fetched", "Page", "Query"]

# A sequence is sent as one parameter for each of its values.
Query = Mapping[str, str | int | Sequence[str | int]]


@dataclass(frozen=True, slots=True)
class Page:
    """One successful response.

    Attributes:
        number: Page number, from 1.
        body: The body as received (content-decoded); redacted on endpoints with personal data.
        rows: Rows in `data`; None when it is a single thing.
        status: HTTP status.
        requested_at: When the successful attempt was sent (UTC).
        received_at: When its answer was complete (UTC).
        duration_s: Seconds between the two, by a clock that nobody sets.
        attempts: Attempts that this page took, failed ones included.
        params: Query and body parameters, redacted like the body.
        url_path: Path below the base URL, as sent.
        redaction_version: Version of the redaction applied; None when the body is as received.
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


@dataclass(frozen=True, slots=True)
class Fetched:
    """All pages of one request; when not `complete`, `missing` says what does not fit."""

    pages: tuple[Page, ...]
    complete: bool
    missing: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the caller wants it, the page apart."""

    endpoint: Endpoint
    url_path: str
    query: Query
    body: Mapping[str, Any] | None
    priority: Priority
    context: Mapping[str, str]
    redaction: Redaction

    @property
    def what(self) -> str:
        """The request in words: method and path."""
        return f"{self.endpoint.method} {self.url_path}"

    def query_of_page(self, number: int) -> Query:
        """The query for one page: constant but for the number."""
        if self.endpoint.page_size is None:
            return self.query
        return {**self.query, "page": number, "pageSize": self.endpoint.page_size}

    def params(self, number: int) -> dict[str, Any]:
        """Query and body parameters of one page, redacted."""
        both = {**self.query_of_page(number), **(self.body or {})}
        return self.redaction.params(both)
