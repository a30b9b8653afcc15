"""Judging one exchange: success, worth another try, or final - and what the budget learns.

Pure functions on what `transport` returned or raised. Tries and pauses are the client's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from givenergy import envelope as envelopes
from givenergy.attempts import EXCERPT_BYTES
from givenergy.budget.interface import Outcome, Signal
from givenergy.endpoints import Endpoint
from givenergy.envelope import Envelope, NotAnAnswerError
from givenergy.errors import (
    GivEnergyError,
    Lack,
    RedirectRefusedError,
    ResponseTooLargeError,
    error_for_status,
)
from givenergy.transport import Answer, TooLargeError, TransportError

__all__ = ["Failure", "judge_answer", "judge_error", "rate_signal", "what_is_lacking"]

# How the API's framework words that it has no such address, and no such row.
_NO_ROUTE = re.compile(r"(?i)\broute\b|method is not supported")
_NO_ROW = re.compile(r"(?i)no query results")
_NO_SCOPE = re.compile(r"(?i)\bscope")
# Statuses below 500 after which the same request may succeed.
_PASSING = frozenset({408, 425})


@dataclass(frozen=True, slots=True)
class Failure:
    """An exchange that brought nothing: `final` holds the error if another try cannot help."""

    kind: str
    message: str
    status: int | None
    outcome: Outcome
    headers: Mapping[str, str]
    excerpt: bytes = b""
    final: GivEnergyError | None = None


def judge_answer(
    answer: Answer, *, what: str, endpoint: Endpoint, host: str, clean: Callable[[str], str]
) -> Envelope | Failure:
    """The answer's envelope, or why it is none.

    Args:
        answer: What came back.
        what: The request in words: method and path.
        endpoint: What was asked.
        host: The host that was asked.
        clean: Takes secrets out of what the API says.
    """
    status, body = answer.status, answer.body
    if 200 <= status < 300:
        try:
            return envelopes.read(
                body,
                enveloped=endpoint.enveloped,
                single=endpoint.single,
                listed=endpoint.is_list,
            )
        except NotAnAnswerError as error:
            return _failure(answer, error.kind, str(error), Outcome.FAILED)
    said = clean(envelopes.vendor_message(body))
    message = said or f"The API answered {status}."
    if status == 429:
        return _failure(answer, "rate_limited", message, Outcome.RATE_LIMITED)
    if status >= 500 or status in _PASSING:
        return _failure(answer, f"http_{status}", message, Outcome.FAILED)
    if status < 400:
        target = urlsplit(answer.headers.get("Location", "")).hostname or host
        where = "another address of its own" if target == host else target
        refusal = RedirectRefusedError(
            f"{host} redirects {what} to {where} ({status}); the token is not sent there.",
            status=status,
            hint="Set GIVENERGY_API_URL to the API's present address.",
        )
        return _failure(answer, "redirect", str(refusal), Outcome.ANSWERED, refusal)
    final = error_for_status(
        status,
        what=what,
        vendor_message=said,
        scope=endpoint.scope,
        account_type=endpoint.account_type,
        lack=what_is_lacking(status, said, endpoint),
    )
    return _failure(answer, f"http_{status}", message, Outcome.ANSWERED, final)


def what_is_lacking(status: int, vendor_message: str, endpoint: Endpoint) -> Lack | None:
    """What a refusal says about the endpoint and the thing asked for; None if nothing.

    Args:
        status: HTTP status.
        vendor_message: The `message` of the answer's body.
        endpoint: What was asked.
    """
    if status in (401, 402):
        return Lack.ACCESS
    if status in (405, 410):
        return Lack.ENDPOINT
    if status not in (403, 404):
        return None
    names_a_thing = "{" in endpoint.path
    said_so = (_NO_SCOPE if status == 403 else _NO_ROUTE).search(vendor_message)
    if said_so or not names_a_thing:
        return Lack.ENDPOINT
    if status == 403 or (endpoint.later_version and not _NO_ROW.search(vendor_message)):
        return Lack.UNCLEAR
    return Lack.THING


def judge_error(error: TransportError, *, what: str) -> Failure:
    """What to make of an exchange without a whole answer."""
    final = None
    if isinstance(error, TooLargeError):
        final = ResponseTooLargeError(
            f"{error} It came for {what} and was not read on.",
            status=error.status,
            hint="Ask for less at once, or raise the client's max_response_bytes.",
        )
    outcome = Outcome.FAILED if error.reached else Outcome.UNREACHED
    if final is not None:
        outcome = Outcome.ANSWERED
    return Failure(
        error.kind, str(error), error.status, outcome, error.headers, error.excerpt, final
    )


def rate_signal(outcome: Outcome, headers: Mapping[str, str]) -> Signal:
    """What the budget learns: outcome and rate-limit headers (API documentation, Rate Limiting)."""
    retry_after = headers.get("Retry-After") if outcome is Outcome.RATE_LIMITED else None
    return Signal(
        outcome,
        limit=_count(headers.get("X-RateLimit-Limit")),
        remaining=_count(headers.get("X-RateLimit-Remaining")),
        retry_after_s=None if retry_after is None else _seconds(retry_after),
    )


def _failure(
    answer: Answer,
    kind: str,
    message: str,
    outcome: Outcome,
    final: GivEnergyError | None = None,
) -> Failure:
    excerpt = answer.body[:EXCERPT_BYTES]
    return Failure(kind, message, answer.status, outcome, answer.headers, excerpt, final)


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdecimal() else None


def _seconds(text: str) -> float | None:
    """`Retry-After` in seconds: a number, or a date (RFC 9110); None if it is neither."""
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())
