"""Errors, sorted by what one can do about them.

An exception from the client says three things: what happened (`status`, `vendor_message`), what to
do (`hint`), and by its class whether to go on: with the next request, the next device, or not at
all. How a failure is recognised lives in the client, how often it is tried again in `retry`.
"""

from __future__ import annotations

__all__ = [
    "AccessError",
    "BudgetStoreError",
    "CancelledError",
    "DeviceNotFoundError",
    "ForbiddenError",
    "GivEnergyError",
    "HostDownError",
    "PaymentRequiredError",
    "RedirectRefusedError",
    "RequestRefusedError",
    "ResponseTooLargeError",
    "RetryableError",
    "UnauthenticatedError",
]

TOKENS_PAGE = "the API Tokens page of the GivEnergy portal"


class GivEnergyError(Exception):
    """Something about the API went wrong; the subclasses say what one can do.

    Attributes:
        status: HTTP status of the answer, None when there was none.
        vendor_message: What the API said, "" when it said nothing.
        hint: One sentence: what to do, and where.
    """

    def __init__(
        self, message: str, *, status: int | None = None, vendor_message: str = "", hint: str = ""
    ) -> None:
        self.status = status
        self.vendor_message = vendor_message
        self.hint = hint
        super().__init__(f"{message} {hint}".strip())


class CancelledError(GivEnergyError):
    """The caller asked to stop; nothing is wrong with the request."""


class BudgetStoreError(GivEnergyError):
    """The file in which the request budget is shared cannot be used."""


class RetryableError(GivEnergyError):
    """Every try failed in a way that may pass: ask for the same thing again later."""


class HostDownError(RetryableError):
    """The host has not answered anybody for too long: stop for now."""


class RequestRefusedError(GivEnergyError):
    """The API refuses this very request: give it up and go on with the others."""


class RedirectRefusedError(RequestRefusedError):
    """The answer points elsewhere, where the token must not go."""


class ResponseTooLargeError(RequestRefusedError):
    """The answer is larger than the size set for it."""


class DeviceNotFoundError(GivEnergyError):
    """The API does not know the thing asked for: give up on this device."""


class AccessError(GivEnergyError):
    """The token opens nothing here: give up altogether, and mend the access."""


class UnauthenticatedError(AccessError):
    """401: no valid token."""


class PaymentRequiredError(AccessError):
    """402: the account's plan does not cover API access."""


class ForbiddenError(AccessError):
    """403: the token lacks the scope, or the account may not see the thing.

    Attributes:
        scope: The scope that the endpoint needs.
    """

    def __init__(
        self,
        message: str,
        *,
        scope: str,
        status: int | None = 403,
        vendor_message: str = "",
        hint: str = "",
    ) -> None:
        self.scope = scope
        super().__init__(message, status=status, vendor_message=vendor_message, hint=hint)


def error_for_status(status: int, *, what: str, vendor_message: str, scope: str) -> GivEnergyError:
    """The error for a status that no further try can mend.

    Args:
        status: HTTP status, 4xx other than 408 and 429 (API documentation, Response Codes; 402 is
            known from later versions).
        what: The request in words: method and path.
        vendor_message: The `message` of the answer's body.
        scope: The scope that the endpoint needs.
    """
    said = f': "{vendor_message}"' if vendor_message else ""
    if status == 401:
        return UnauthenticatedError(
            f"The API does not accept the token (401 for {what}{said}).",
            hint=f"Make a new token on {TOKENS_PAGE} and set GIVENERGY_API_TOKEN to it.",
            status=status,
            vendor_message=vendor_message,
        )
    if status == 402:
        return PaymentRequiredError(
            f"The account's plan does not include this request (402 for {what}{said}).",
            hint="Check the subscription of the account in the GivEnergy portal.",
            status=status,
            vendor_message=vendor_message,
        )
    if status == 403:
        return ForbiddenError(
            f"The token may not do this (403 for {what}{said}).",
            scope=scope,
            hint=f"It needs the scope {scope}: add it on {TOKENS_PAGE}, or check that the device "
            "is shared with this account.",
            status=status,
            vendor_message=vendor_message,
        )
    if status == 404:
        return DeviceNotFoundError(
            f"The API knows nothing at {what} (404{said}).",
            hint="Compare the device with the list that `givlake doctor` prints.",
            status=status,
            vendor_message=vendor_message,
        )
    return RequestRefusedError(
        f"The API refuses the request ({status} for {what}{said}).",
        hint="It will be refused again: report it with this message.",
        status=status,
        vendor_message=vendor_message,
    )
