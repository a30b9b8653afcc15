"""Classify one exchange: success, retryable or final failure, and what the budget learns.

Pure functions on what `transport` returned or raised. Retries and pauses are up to the client.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from givenergy.budget.request_budget import RequestOutcome, Signal
from givenergy.endpoints.definition import Endpoint
from givenergy.envelope import (
    Envelope,
    InvalidResponseError,
    describe_foreign,
    error_message,
    read_envelope,
)
from givenergy.errors import (
    GivEnergyError,
    MissingCapability,
    ProxyRefusedError,
    ResponseTooLargeError,
    error_for_status,
)
from givenergy.models import EXCERPT_BYTES
from givenergy.server_clock import parsed_date, utc_now
from givenergy.transport import RawResponse, TooLargeError, TransportError

__all__ = [
    "AttemptFailure",
    "classify_error",
    "classify_response",
    "missing_capability",
    "rate_signal",
]

# How the API's framework reports an unknown address, and an unknown row.
_NO_ROUTE = re.compile(r"(?i)\broute\b|method is not supported")
_NO_ROW = re.compile(r"(?i)no query results")
_NO_SCOPE = re.compile(r"(?i)\bscope")
# Statuses below 500 after which the same request may succeed.
_RETRYABLE = frozenset({408, 425})
# More digits than any number of requests or seconds has are no number.
_COUNT = re.compile(r"\s*[0-9]{1,9}\s*")
_HIGHEST_LIMIT = 100_000
_PROXY_REFUSES = 407
_FOREIGN = frozenset({"foreign", "redirect"})
# Kinds whose headers are not, or may not be, the API's: clock and limit in them are not used.
_OTHER_HEADERS = _FOREIGN | {"not_json", "empty_body", "proxy"}


@dataclass(frozen=True, slots=True)
class AttemptFailure:
    """An attempt without a usable response; `final` is the error if no retry can help."""

    kind: str
    message: str
    status: int | None
    outcome: RequestOutcome
    headers: Mapping[str, str]
    excerpt: bytes = b""
    final: GivEnergyError | None = None

    @property
    def is_foreign(self) -> bool:
        """Whether something else than the API has answered, although a host was reached."""
        return self.kind in _FOREIGN


def classify_response(
    response: RawResponse, *, what: str, endpoint: Endpoint, host: str, clean: Callable[[str], str]
) -> Envelope | AttemptFailure:
    """Return the response's envelope, or the failure.

    Args:
        response: The response.
        what: The request: method and path.
        endpoint: The requested endpoint.
        host: The host of the API.
        clean: Removes secrets from the API's messages.
    """
    status, body = response.status, response.body
    if 200 <= status < 300:
        try:
            return read_envelope(
                body,
                enveloped=endpoint.enveloped,
                # Nobody documents what later versions answer if there is nothing.
                may_be_empty=endpoint.is_later,
                single=endpoint.single,
                listed=endpoint.is_list,
            )
        except InvalidResponseError as error:
            message = str(error)
            if error.kind in ("not_json", "empty_body"):
                message = f"{message} {_foreign(status, body, clean)}"
            return _failure(response, error.kind, message, RequestOutcome.FAILED)
    said = error_message(body)
    message = clean(said or "") or f"The API returned status {status}."
    if status == 429:
        return _failure(response, "rate_limited", message, RequestOutcome.RATE_LIMITED)
    if status >= 500 or status in _RETRYABLE:
        return _failure(response, f"http_{status}", message, RequestOutcome.FAILED)
    if status == _PROXY_REFUSES:
        refusal = ProxyRefusedError(
            f"The proxy of this network refuses {what} ({status}): it requires a login.",
            status=status,
            hint="Set HTTPS_PROXY to its address with user and password.",
        )
        return _failure(response, "proxy", str(refusal), RequestOutcome.ANSWERED, refusal)
    if status < 400:
        target = urlsplit(response.headers.get("Location", "")).hostname or host
        where = "another address on the same host" if target == host else target
        message = (
            f"Not the API's own answer: {host} redirects to {where} ({status}); the token is not"
            " sent there. Log in to the network if it asks for it, or set GIVENERGY_API_URL to"
            " the API's current address."
        )
        return _failure(response, "redirect", message, RequestOutcome.ANSWERED)
    if said is None:
        # Only the API's own refusal shows anything about token, account or device.
        message = _foreign(status, body, clean)
        return _failure(response, "foreign", message, RequestOutcome.ANSWERED)
    said = clean(said)
    final = error_for_status(
        status,
        what=what,
        vendor_message=said,
        scope=endpoint.scope,
        account_type=endpoint.account_type,
        missing_capability=missing_capability(status, said, endpoint),
        deprecated_since=endpoint.deprecated_since,
    )
    return _failure(response, f"http_{status}", message, RequestOutcome.ANSWERED, final)


def missing_capability(status: int, message: str, endpoint: Endpoint) -> MissingCapability | None:
    """Return what a refused request lacks; None if the refusal has another reason.

    Args:
        status: HTTP status.
        message: The `message` in the body of the response.
        endpoint: The requested endpoint.
    """
    if status in (401, 402):
        return MissingCapability.ACCESS
    if status in (405, 410):
        return MissingCapability.ENDPOINT
    if status not in (403, 404):
        return None
    names_resource = "{" in endpoint.path
    says_so = (_NO_SCOPE if status == 403 else _NO_ROUTE).search(message)
    if says_so or not names_resource:
        return MissingCapability.ENDPOINT
    if status == 403 or (endpoint.is_later and not _NO_ROW.search(message)):
        return MissingCapability.UNCLEAR
    return MissingCapability.RESOURCE


def _foreign(status: int, body: bytes, clean: Callable[[str], str]) -> str:
    return f"Not the API's own answer: {clean(describe_foreign(body))} with status {status}."


def classify_error(error: TransportError, *, what: str) -> AttemptFailure:
    """Return the failure of an exchange without a complete response."""
    final = None
    if isinstance(error, TooLargeError):
        final = ResponseTooLargeError(
            f"{error} It was received for {what} and not read further.",
            status=error.status,
            hint="Request less at once, or raise the client's max_response_bytes.",
        )
    outcome = RequestOutcome.FAILED if error.reached else RequestOutcome.UNREACHED
    if final is not None:
        outcome = RequestOutcome.ANSWERED
    return AttemptFailure(
        error.kind, str(error), error.status, outcome, error.headers, error.excerpt, final
    )


def rate_signal(outcome: RequestOutcome, headers: Mapping[str, str]) -> Signal:
    """Return what the budget learns: outcome and headers (API documentation, Rate Limiting).

    Values that cannot be true are ignored; what remains of an impossible limit is not known either.
    """
    retry_after = headers.get("Retry-After") if outcome is RequestOutcome.RATE_LIMITED else None
    stated = headers.get("X-RateLimit-Limit")
    limit = _count(stated)
    if limit is not None and not 0 < limit <= _HIGHEST_LIMIT:
        limit = None
    is_credible = stated is None or limit is not None
    return Signal(
        outcome,
        limit=limit,
        remaining=_count(headers.get("X-RateLimit-Remaining")) if is_credible else None,
        retry_after_s=None if retry_after is None else _seconds(retry_after),
    )


def _failure(
    response: RawResponse,
    kind: str,
    message: str,
    outcome: RequestOutcome,
    final: GivEnergyError | None = None,
) -> AttemptFailure:
    excerpt = response.body[:EXCERPT_BYTES]
    headers = {} if kind in _OTHER_HEADERS else response.headers
    return AttemptFailure(kind, message, response.status, outcome, headers, excerpt, final)


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and _COUNT.fullmatch(text) else None


def _seconds(text: str) -> float | None:
    """Return `Retry-After` in seconds, from a number or a date (RFC 9110); None if neither."""
    if (seconds := _count(text)) is not None:
        return float(seconds)
    moment = parsed_date(text)
    return None if moment is None else max(0.0, (moment - utc_now()).total_seconds())
