"""The client: fetches all pages of a request.

It waits for the budget, sends, retries and reports every failed attempt. Allowed requests are
defined in `endpoints`, HTTP in `transport`, what a response means in `response`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import msgspec

from givenergy.auth import checked_token, checked_url
from givenergy.budget.request_budget import (
    ACCOUNT_BUCKET,
    Grant,
    Priority,
    RequestBudget,
    RequestOutcome,
    Signal,
)
from givenergy.endpoints import ENDPOINTS, allowed
from givenergy.endpoints.definition import Endpoint
from givenergy.envelope import Envelope
from givenergy.errors import LocalFaultError
from givenergy.models import (
    ApiRequest,
    ClientTotals,
    FailedAttempt,
    Fetched,
    Page,
    Query,
    Totals,
)
from givenergy.pagination import read_pages
from givenergy.redaction import checked_entries, redaction_of, scrub
from givenergy.response import AttemptFailure, classify_error, classify_response, rate_signal
from givenergy.retry import RetryPolicy, RetryState, foreign_answers
from givenergy.server_clock import ServerClock, corrected, utc_now
from givenergy.transport import Timeouts, Transport, TransportError

__all__ = ["Client"]

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class Client:
    """Fetches from the API; thread-safe, with several requests in flight.

    Args:
        base_url: Address of the API; https, or http on this machine.
        token: The account's bearer token.
        budget: The account's request budget.
        on_attempt: Called with every failed attempt, from the thread that made it.
        connections: Maximum number of requests in flight, for each priority.
        retry: How long to retry.
        max_response_bytes: Larger responses are refused.
        timeouts: Time limits of a request.
        cancelled: Ends every wait when set; requests in flight are completed.
        allow_http: Whether the token may be sent unencrypted to another machine.
        keep_personal: Personal leaves that the owner wants to keep, as `endpoint:leaf` or
            `endpoint:*` (see `givenergy.redaction`).
        pseudonym_key: Key of the pseudonyms of ID tags; without it they are redacted.
        may_ask_devices: Whether it sends requests that the platform passes on to a device.

    Raises:
        ValueError: If the address, the token or an entry of `keep_personal` cannot be used.
        LocalFaultError: If a proxy or certificates in the environment cannot be used.
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
        may_ask_devices: bool = False,
    ) -> None:
        self.base_url = checked_url(base_url, allow_http=allow_http)
        self._host = urlsplit(self.base_url).hostname or ""
        self._token = checked_token(token)
        self._clean: Callable[[str], str] = lambda text: scrub(text, self._token)
        self._budget = budget
        self._on_attempt = on_attempt
        self._retry = retry or RetryPolicy()
        self._cancelled = cancelled or threading.Event()
        kept = checked_entries(keep_personal)
        self._redactions = {
            name: redaction_of(endpoint, keep_personal=kept, pseudonym_key=pseudonym_key)
            for name, endpoint in ENDPOINTS.items()
        }
        self._totals = Totals()
        self._clock = ServerClock()
        self._foreign = foreign_answers(ENDPOINTS.values(), self._retry)
        self._may_ask_devices = may_ask_devices
        self._reached = False
        # Separate, so that waiting backfills do not block the requests of today's data.
        self._slots = {p: threading.BoundedSemaphore(connections) for p in Priority}
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
        """The totals of this client so far."""
        return self._totals.get()

    @property
    def activity(self) -> Totals:
        """What the client is doing: requests in flight, and the last failure."""
        return self._totals

    @property
    def clock_ahead_s(self) -> float | None:
        """Seconds by which this machine's clock is ahead of the API's, None if unknown."""
        return self._clock.ahead_s()

    def fetch(
        self,
        endpoint: Endpoint,
        *,
        path: Mapping[str, str] = _EMPTY,
        query: Query = _EMPTY,
        body: Mapping[str, Any] | None = None,
        priority: Priority = Priority.BACKFILL,
        context: Mapping[str, str] = _EMPTY,
        stop_after: Callable[[Page], bool] | None = None,
        most_attempts: int | None = None,
        on_page: Callable[[Page], object] | None = None,
        only_page: int | None = None,
    ) -> Fetched:
        """Fetch all pages of one request.

        Args:
            endpoint: One of `givenergy.endpoints`.
            path: The path's parameters.
            query: Query parameters, without those of paging; a list is sent as one for each value.
            body: Body parameters, for an endpoint that takes them.
            priority: Which requests go first at the budget.
            context: Passed to `on_attempt` with every failed attempt.
            stop_after: Called after each page of a list that is newest first; True stops paging,
                and the pages so far are complete. Called again from the first page if the list
                must be read again.
            most_attempts: `GivEnergyError.attempts` of a page at which to give up in any case.
            on_page: Called with each page as it arrives, in the order of their numbers.
            only_page: Fetch no page but this one, which says how many there are.

        Raises:
            ValueError: If the endpoint is not allowed to this client or a parameter does not fit.
            RetryableError: If every attempt failed for a reason that may be temporary.
            LocalFaultError: If a setting of this machine keeps requests back; 407 of a proxy.
            HostDownError: If the host has been down for longer than the policy's patience.
            UnusableNameError: If a parameter of the path, or a name for devices, cannot be used.
            ForeignAnswerError: If something else answers in place of the API.
            RequestRefusedError: 400, 405, 422 and the like; a response too large.
            NotFoundError: 404.
            AccessError: 401, 402, 403.
            CancelledError: If the client was cancelled.
            BudgetStoreError: If the request budget cannot be used.
        """
        endpoint = allowed(endpoint, may_ask_devices=self._may_ask_devices)
        if stop_after is not None and not endpoint.newest_first:
            raise ValueError(f"{endpoint.name} has no known order: it can only be read completely.")
        request = ApiRequest(
            endpoint,
            endpoint.url_path(path),
            query,
            body,
            priority,
            context,
            self._redactions[endpoint.name],
            1 if endpoint.asks_device else most_attempts,
        )

        def fetch_page(number: int) -> tuple[Page, Envelope]:
            page, envelope = self._page(request, number)
            if on_page is not None:
                on_page(page)
            return page, envelope

        if endpoint.page_size is None or only_page is not None:
            return Fetched((fetch_page(only_page or 1)[0],), complete=True, missing=None)
        result = read_pages(fetch_page, newest_first=endpoint.newest_first, stop_after=stop_after)
        return Fetched(result.pages, complete=result.missing is None, missing=result.missing)

    def close(self) -> None:
        """Close the connections; the budget stays open."""
        self._transport.close()

    def _page(self, request: ApiRequest, number: int) -> tuple[Page, Envelope]:
        """Fetch one page, with retries."""
        foreign, is_once = self._foreign[request.endpoint.name], request.endpoint.asks_device
        state = RetryState(request.what, self._host, foreign, request.most_attempts, is_once)
        with foreign.request():
            while True:
                foreign.wait(self._cancelled)
                state.attempts += 1
                result = self._attempt(request, number, state)
                if not isinstance(result, AttemptFailure):
                    foreign.passed()
                    return result
                if result.final is not None:
                    result.final.attempts = state.tried
                    raise result.final
                pause_s = state.pause_s(result, self._retry)
                if pause_s and self._cancelled.wait(pause_s):
                    raise request.cancelled()

    def _attempt(
        self, request: ApiRequest, number: int, state: RetryState
    ) -> tuple[Page, Envelope] | AttemptFailure:
        endpoint = request.endpoint
        with self._slots[request.priority]:
            grant = self._budget.grant(
                bucket=endpoint.name if endpoint.limit else ACCOUNT_BUCKET,
                own=endpoint.limit,
                priority=request.priority,
                cancelled=self._cancelled,
                patience_s=self._retry.patience_s,
            )
            self._totals.add(ClientTotals(waited_s=grant.waited_s))
            sent_at, began = datetime.now(UTC), time.monotonic()
            status, body, signal = 0, b"", Signal(RequestOutcome.FAILED)
            result: Envelope | AttemptFailure
            try:
                with self._totals.request():
                    response = self._transport.send(
                        endpoint.method,
                        request.url_path,
                        query=request.query_of_page(number),
                        body=None if request.body is None else msgspec.json.encode(request.body),
                    )
                duration_s = time.monotonic() - began
                result = classify_response(
                    response,
                    what=request.what,
                    endpoint=endpoint,
                    host=self._host,
                    clean=self._clean,
                )
                status, body = response.status, response.body
                self._reached = True
                outcome, headers = RequestOutcome.ANSWERED, response.headers
                if isinstance(result, AttemptFailure):
                    outcome, headers = result.outcome, result.headers
                self._clock.note(headers)
                signal = rate_signal(outcome, headers)
            except LocalFaultError:
                signal = Signal(RequestOutcome.UNREACHED)
                raise
            except TransportError as error:
                result = classify_error(error, what=request.what)
                signal = rate_signal(result.outcome, error.headers)
            finally:
                # Also when interrupted: the request may have arrived.
                grant.settle(signal.of_device() if endpoint.asks_device else signal)
        requested_at, ended_at = corrected(sent_at), utc_now()  # both by what was learnt now
        if isinstance(result, AttemptFailure):
            if self._cancelled.is_set() and result.final is None:
                raise request.cancelled()
            return self._failed(request, number, state, result, grant, requested_at, ended_at)
        self._totals.add(ClientTotals(requests=1, received_bytes=len(body)))
        kept, redaction_version = request.redaction.body(body)
        page = Page(
            number=number,
            body=kept,
            rows=result.rows,
            status=status,
            requested_at=requested_at,
            received_at=ended_at,
            duration_s=duration_s,
            attempts=state.attempts,
            params=request.params(number),
            url_path=request.url_path,
            redaction_version=redaction_version,
            page_count=result.page_count,
        )
        return page, result

    def _failed(
        self,
        request: ApiRequest,
        number: int,
        state: RetryState,
        failure: AttemptFailure,
        grant: Grant,
        requested_at: datetime,
        ended_at: datetime,
    ) -> AttemptFailure:
        """Report a failed attempt; return it with `final` set if it is the last one."""
        message = self._clean(failure.message)
        self._totals.note_failure(failure.status, message)
        final = state.count_failure(
            failure, message, policy=self._retry, reached=self._reached, probe=grant.probe
        )
        sent = failure.outcome is not RequestOutcome.UNREACHED
        limited = failure.outcome is RequestOutcome.RATE_LIMITED
        self._totals.add(ClientTotals(requests=int(sent), failed=1, rate_limited=int(limited)))
        if self._on_attempt is not None:
            excerpt = self._clean(failure.excerpt.decode("utf-8", "replace")).encode()
            times = (requested_at, ended_at)
            self._on_attempt(
                request.failed_attempt(
                    number, failure.status, failure.kind, message, excerpt, times, final is not None
                )
            )
        return replace(failure, message=message, final=final)
