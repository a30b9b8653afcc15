"""Errors, sorted by what one can do about them.

An exception from the client says three things: what happened (`status`, `vendor_message`), what to
do (`hint`), and by its class whether to go on: with the next request, the next device, or not at
all. How a failure is recognised lives in the client, how often it is tried again in `retry`.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "AccessError",
    "BudgetStoreError",
    "CancelledError",
    "DeviceNotFoundError",
    "ForbiddenError",
    "GivEnergyError",
    "HostDownError",
    "Lack",
    "PaymentRequiredError",
    "RedirectRefusedError",
    "RequestRefusedError",
    "ResponseTooLargeError",
    "RetryableError",
    "UnauthenticatedError",
    "UnusableNameError",
]

TOKENS_PAGE = "the API Tokens page of the GivEnergy portal"


class Lack(StrEnum):
    """What a refused request lacks: whether others are worth a try."""

    ACCESS = "access"
    """The token or the account's plan opens nothing (401, 402): nothing else will do either."""
    ENDPOINT = "endpoint"
    """The API, the token's scopes or the account's type lack this endpoint: for every thing."""
    THING = "thing"
    """The API does not know the device, site or account in the path; others may be there."""
    UNCLEAR = "unclear"
    """Either of the last two: it is the endpoint if every thing is refused in the same way."""


class GivEnergyError(Exception):
    """Something about the API went wrong; the subclasses say what one can do.

    Attributes:
        status: HTTP status of the answer, None when there was none.
        vendor_message: What the API said, "" when it said nothing.
        hint: One sentence: what to do, and where.
        lack: What a refused request lacks; None when that is not why it failed.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        vendor_message: str = "",
        hint: str = "",
        lack: Lack | None = None,
    ) -> None:
        self.status = status
        self.lack = lack
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


class UnusableNameError(RequestRefusedError, ValueError):
    """The API lists a thing under a name of which no request can be made."""


class RedirectRefusedError(RequestRefusedError):
    """The answer points elsewhere, where the token must not go."""


class ResponseTooLargeError(RequestRefusedError):
    """The answer is larger than the size set for it."""


class DeviceNotFoundError(GivEnergyError):
    """404: the API does not know the thing asked for, or has no such request (see `lack`)."""


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
        lack: Lack | None = None,
    ) -> None:
        self.scope = scope
        super().__init__(
            message, status=status, vendor_message=vendor_message, hint=hint, lack=lack
        )


def error_for_status(
    status: int,
    *,
    what: str,
    vendor_message: str,
    scope: str,
    account_type: str = "any",
    lack: Lack | None = None,
) -> GivEnergyError:
    """The error for a status that no further try can mend.

    Args:
        status: HTTP status, 4xx other than 408 and 429 (API documentation, Response Codes; 402 is
            known from later versions).
        what: The request in words: method and path.
        vendor_message: The `message` of the answer's body.
        scope: The scope that the endpoint needs, or several with a space between.
        account_type: The type of account that it needs, "any" if all will do.
        lack: What the request lacks.
    """
    said = f': "{vendor_message}"' if vendor_message else ""
    if status == 401:
        return UnauthenticatedError(
            f"The API does not accept the token (401 for {what}{said}).",
            hint=f"Make a new token on {TOKENS_PAGE} and set GIVENERGY_API_TOKEN to it.",
            status=status,
            vendor_message=vendor_message,
            lack=lack,
        )
    if status == 402:
        return PaymentRequiredError(
            f"The account's plan does not include this request (402 for {what}{said}).",
            hint="Check the subscription of the account in the GivEnergy portal.",
            status=status,
            vendor_message=vendor_message,
            lack=lack,
        )
    if status == 403:
        scopes = scope.replace(" ", " and ")
        account = "" if account_type == "any" else f" and an account of type {account_type}"
        return ForbiddenError(
            f"The token may not do this (403 for {what}{said}).",
            scope=scope,
            hint=f"It needs the scope {scopes}{account}: add the scope on {TOKENS_PAGE}, or check "
            "that the device is shared with this account.",
            status=status,
            vendor_message=vendor_message,
            lack=lack,
        )
    if status == 404 and lack is Lack.ENDPOINT:
        return DeviceNotFoundError(
            f"The API has no {what} for this account (404{said}).",
            hint="Other versions of the API, or accounts with such devices, may have it: nothing "
            "needs to be done.",
            status=status,
            vendor_message=vendor_message,
            lack=lack,
        )
    if status == 404:
        return DeviceNotFoundError(
            f"The API knows nothing at {what} (404{said}).",
            hint="Compare the device with the list that `givlake doctor` prints.",
            status=status,
            vendor_message=vendor_message,
            lack=lack,
        )
    return RequestRefusedError(
        f"The API refuses the request ({status} for {what}{said}).",
        hint="It will be refused again: report it with this message.",
        status=status,
        vendor_message=vendor_message,
        lack=lack,
    )
