"""The client: everything between "I want this list" and "here are its pages".

It asks the budget for leave, sends, tries again where that can help and reports every failed
attempt. What may be sent stands in `endpoints`, how bytes travel in `transport`, what an answer is
worth in `verdict`, how pages are walked in `pagination`; what rows mean is none of its business.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import msgspec

from givenergy.access import checked_token, checked_url
from givenergy.attempts import ClientTotals, FailedAttempt, Totals, utc_now
from givenergy.budget.interface import (
    ACCOUNT_BUCKET,
    Grant,
    Outcome,
    Priority,
    RequestBudget,
    Signal,
)
from givenergy.endpoints import ENDPOINTS, Endpoint
from givenergy.envelope import Envelope
from givenergy.errors import CancelledError
from givenergy.pages import Call, Fetched, Page, Query
from givenergy.pagination import walk
from givenergy.personal import checked_entries, redaction_of
from givenergy.redaction import scrub
from givenergy.retry import RetryPolicy
from givenergy.server_clock import ServerClock
from givenergy.transport import Timeouts, Transport, TransportError
from givenergy.tries import Tries
from givenergy.verdict import Failure, judge_answer, judge_error, rate_signal

__all__ = ["Client", "FailedAttempt", "Fetched", "Page"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Client:
    """Fetches from the API; thread-safe, with several requests in flight.

    Args:
        base_url: Address of the API; https, or http on this machine.
        token: The account's bearer token.
        budget: The account's request budget.
        on_attempt: Called with every failed attempt, from the thread that made it.
        connections: Requests in flight at most, of each priority.
        retry: How long to try again.
        max_response_bytes: Larger responses are refused.
        timeouts: How long to wait for what.
        cancelled: Ends every waiting when set, and lets requests under way finish; `cancel` sets
            it and interrupts those too.
        allow_http: Whether the token may be sent unencrypted to another machine.
        keep_personal: Leaves that the owner wants kept though they are personal, as
            `endpoint:leaf` or `endpoint:*` (see `givenergy.personal`).
        pseudonym_key: Makes the pseudonyms of ID tags; without it they are left out.

    Raises:
        ValueError: If the address, the token or an entry of `keep_personal` cannot be used.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: str,
        budget: RequestBudget,
        on_attempt: Callable[[FailedAttempt], None] | None = None,
        connections: int = 8,
        retry: RetryPolicy | None = None,
        max_response_bytes: int = 64 * 1024 * 1024,
        timeouts: Timeouts | None = None,
        cancelled: threading.Event | None = None,
        allow_http: bool = False,
        keep_personal: frozenset[str] = frozenset(),
        pseudonym_key: bytes | None = None,
    ) -> None:
        self.base_url = checked_url(base_url, allow_http=allow_http)
        self._host = urlsplit(self.base_url).hostname or ""
        self._token = checked_token(token)
        self._budget = budget
        self._on_attempt = on_attempt
        self._retry = retry or RetryPolicy()
        self._cancelled = cancelled or threading.Event()
        wanted = checked_entries(keep_personal)
        self._redactions = {
            name: redaction_of(endpoint, keep_personal=wanted, pseudonym_key=pseudonym_key)
            for name, endpoint in ENDPOINTS.items()
        }
        self._totals = Totals()
        self._clock = ServerClock()
        self._reached = False
        # Apart, as waiting backfills hold theirs and must not keep today's data out.
        self._places = {p: threading.BoundedSemaphore(connections) for p in Priority}
        self._transport = Transport(
            self.base_url,
            self._token,
            connections=connections,
            timeouts=timeouts or Timeouts(),
            max_bytes=max_response_bytes,
        )

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"

    @property
    def totals(self) -> ClientTotals:
        """What this client has done so far."""
        return self._totals.get()

    @property
    def clock_ahead_s(self) -> float | None:
        """Seconds by which this machine's clock is ahead of the API's, None if it gave no time."""
        return self._clock.ahead_s()

    def fetch(
        self,
        endpoint: Endpoint,
        *,
        path: Mapping[str, str] = _NOTHING,
        query: Query = _NOTHING,
        body: Mapping[str, Any] | None = None,
        priority: Priority = Priority.BACKFILL,
        context: Mapping[str, str] = _NOTHING,
        enough: Callable[[Page], bool] | None = None,
    ) -> Fetched:
        """Fetch everything that one request asks for, over all its pages.

        Args:
            endpoint: One of `givenergy.endpoints`.
            path: The path's parameters.
            query: Query parameters, without those of paging; a list is sent as one for each value.
            body: Body parameters, for an endpoint that takes them.
            priority: Who goes first at the budget.
            context: Handed on to `on_attempt` with every failed attempt.
            enough: Asked after each page of a list that comes newest first; True ends the reading,
                and what came is complete. Asked again from the first page if the list must be
                read again.

        Raises:
            ValueError: If the endpoint is not on the allow-list or a parameter does not fit.
            RetryableError: If every try failed in a way that may pass.
            HostDownError: If the host has been down for longer than the policy's patience.
            UnusableNameError: If the path would hold a name of which no request can be made.
            RequestRefusedError: 400, 405, 422 and the like; a redirect; a response too large.
            DeviceNotFoundError: 404.
            AccessError: 401, 402, 403.
            CancelledError: If the client was told to stop.
            BudgetStoreError: If the request budget cannot be used.
        """
        if ENDPOINTS.get(endpoint.name) != endpoint:
            raise ValueError(f"{endpoint.name!r} is not on the list of requests givlake may make.")
        if enough is not None and not endpoint.newest_first:
            raise ValueError(f"{endpoint.name} has no known order: it can only be read whole.")
        call = Call(
            endpoint,
            endpoint.url_path(path),
            query,
            body,
            priority,
            context,
            self._redactions[endpoint.name],
        )
        if endpoint.page_size is None:
            return Fetched((self._page(call, 1)[0],), complete=True, missing=None)
        walked = walk(
            lambda number: self._page(call, number),
            newest_first=endpoint.newest_first,
            enough=enough,
        )
        return Fetched(walked.pages, complete=walked.missing is None, missing=walked.missing)

    def cancel(self) -> None:
        """End every waiting and every request under way; each `fetch` raises CancelledError."""
        self._cancelled.set()
        self._transport.interrupt()

    def close(self) -> None:
        """Close the connections; the budget stays open."""
        self._transport.close()

    def _page(self, call: Call, number: int) -> tuple[Page, Envelope]:
        """One page, tried until it arrives or no further try can help."""
        tries = Tries(call.what, self._host)
        while True:
            tries.attempts += 1
            result = self._attempt(call, number, tries)
            if not isinstance(result, Failure):
                return result
            if result.final is not None:
                raise result.final
            if tries.failures and self._cancelled.wait(self._retry.pause_s(tries.failures)):
                raise CancelledError(f"Stopped before {call.what} was fetched.")

    def _attempt(self, call: Call, number: int, tries: Tries) -> tuple[Page, Envelope] | Failure:
        endpoint = call.endpoint
        with self._places[call.priority]:
            grant = self._budget.grant(
                bucket=endpoint.name if endpoint.limit else ACCOUNT_BUCKET,
                own=endpoint.limit,
                priority=call.priority,
                cancelled=self._cancelled,
                patience_s=self._retry.patience_s,
            )
            requested_at, began = utc_now(), time.monotonic()
            judged, status, body, signal = None, 0, b"", Signal(Outcome.FAILED)
            try:
                answer = self._transport.send(
                    endpoint.method,
                    call.url_path,
                    query=call.query_of_page(number),
                    body=None if call.body is None else msgspec.json.encode(call.body),
                )
                duration_s = time.monotonic() - began
                judged = judge_answer(
                    answer, what=call.what, endpoint=endpoint, host=self._host, clean=self._clean
                )
                status, body = answer.status, answer.body
                self._reached = True
                self._clock.note(answer.headers)
                outcome = judged.outcome if isinstance(judged, Failure) else Outcome.ANSWERED
                signal = rate_signal(outcome, answer.headers)
            except TransportError as error:
                judged = judge_error(error, what=call.what)
                signal = rate_signal(judged.outcome, error.headers)
            finally:
                # Also when interrupted: the request may have arrived.
                grant.settle(signal)
        ended_at = utc_now()
        if isinstance(judged, Failure):
            if self._cancelled.is_set() and judged.final is None:
                raise CancelledError(f"Stopped before {call.what} was fetched.")
            return self._failed(call, number, tries, judged, grant, requested_at, ended_at)
        self._totals.add(requests=1, received_bytes=len(body), waited_s=grant.waited_s)
        kept, redaction_version = call.redaction.body(body)
        page = Page(
            number=number,
            body=kept,
            rows=judged.rows,
            status=status,
            requested_at=requested_at,
            received_at=ended_at,
            duration_s=duration_s,
            attempts=tries.attempts,
            params=call.params(number),
            url_path=call.url_path,
            redaction_version=redaction_version,
        )
        return page, judged

    def _failed(
        self,
        call: Call,
        number: int,
        tries: Tries,
        failure: Failure,
        grant: Grant,
        requested_at: datetime,
        ended_at: datetime,
    ) -> Failure:
        """Report a failed attempt; the returned failure has `final` set if it is the last one."""
        tries.failed(failure, probe=grant.probe)
        message = self._clean(failure.message)
        final = failure.final or tries.given_up(
            failure, message, policy=self._retry, reached=self._reached
        )
        self._totals.add(
            requests=int(failure.outcome is not Outcome.UNREACHED),
            failed=1,
            rate_limited=int(failure.outcome is Outcome.RATE_LIMITED),
            waited_s=grant.waited_s,
        )
        if self._on_attempt is not None:
            personal = call.endpoint.keep is not None
            excerpt = self._clean(failure.excerpt.decode("utf-8", "replace")).encode()
            self._on_attempt(
                FailedAttempt(
                    endpoint=call.endpoint.name,
                    method=call.endpoint.method,
                    url_path=call.url_path,
                    params=call.params(number),
                    status=failure.status,
                    kind=failure.kind,
                    message=message,
                    excerpt=b"" if personal else excerpt,
                    requested_at=requested_at,
                    ended_at=ended_at,
                    final=final is not None,
                    context=call.context,
                )
            )
        return Failure(
            failure.kind,
            message,
            failure.status,
            failure.outcome,
            failure.headers,
            final=final,
        )

    def _clean(self, text: str) -> str:
        return scrub(text, self._token)
