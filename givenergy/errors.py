"""Errors, classified by what the caller can do about them.

An exception of the client says what happened (`status`, `vendor_message`), what to do (`hint`), and
by its class whether to continue: with the next request, the next device, or not at all. How a
failure is recognised is defined in `response`, how often a request is retried in `retry`.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "AccessError",
    "BudgetAwayError",
    "BudgetStoreError",
    "CancelledError",
    "ForbiddenError",
    "ForeignAnswerError",
    "GivEnergyError",
    "HostDownError",
    "LocalFaultError",
    "MissingCapability",
    "NoBudgetError",
    "NotFoundError",
    "PaymentRequiredError",
    "ProxyRefusedError",
    "RequestRefusedError",
    "ResponseTooLargeError",
    "RetryableError",
    "UnauthenticatedError",
    "UnusableNameError",
]

TOKENS_PAGE = "the API Tokens page of the GivEnergy portal"


class MissingCapability(StrEnum):
    """What a refused request lacks, which shows whether other requests can succeed."""

    ACCESS = "access"
    """The token or the account's plan permits nothing (401, 402): every request is refused."""
    ENDPOINT = "endpoint"
    """The API version, the token's scopes or the account's type lack this endpoint."""
    RESOURCE = "resource"
    """The API does not know the device, site or account in the path; it may know others."""
    UNCLEAR = "unclear"
    """ENDPOINT or RESOURCE: it is the endpoint if every resource is refused in the same way."""


class GivEnergyError(Exception):
    """Base class of the client's errors; the subclasses show what the caller can do.

    Attributes:
        status: HTTP status of the response, None if there was none.
        vendor_message: The API's own error message, "" if there was none.
        hint: One sentence: what to do, and where.
        missing_capability: What a refused request lacks; None if it failed for another reason.
        attempts: Attempts that reached the host before giving up, without 429 responses and probes
            of a host that is down.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        vendor_message: str = "",
        hint: str = "",
        missing_capability: MissingCapability | None = None,
    ) -> None:
        self.attempts = 0
        self.status = status
        self.missing_capability = missing_capability
        self.vendor_message = vendor_message
        self.hint = hint
        super().__init__(f"{message} {hint}".strip())


class CancelledError(GivEnergyError):
    """The caller cancelled the request."""


class BudgetStoreError(GivEnergyError):
    """The shared request budget cannot be used."""


class BudgetAwayError(BudgetStoreError):
    """The server with the shared request budget does not answer: try again later."""


class NoBudgetError(BudgetStoreError):
    """The database has no request budget yet, and none may be created."""


class RetryableError(GivEnergyError):
    """Every attempt failed for a reason that may be temporary: try again later."""


class HostDownError(RetryableError):
    """The host has not answered any request for too long: stop for now."""


class LocalFaultError(GivEnergyError):
    """A setting of this machine keeps requests from the API: give up all of them and fix it."""


class ForeignAnswerError(RetryableError):
    """Something else answers in place of the API: a firewall, a proxy, a network's login page.

    It shows nothing about token, account, devices or endpoints.
    """


class ProxyRefusedError(LocalFaultError):
    """407: the proxy of this machine's network refuses every request."""


class RequestRefusedError(GivEnergyError):
    """The API refuses this request: give it up and continue with others."""


class UnusableNameError(RequestRefusedError, ValueError):
    """The API lists a resource under a name that cannot be used in a request."""


class ResponseTooLargeError(RequestRefusedError):
    """The response is larger than the configured limit."""


class NotFoundError(GivEnergyError):
    """404: the API does not know the resource or the endpoint (see `missing_capability`)."""


class AccessError(GivEnergyError):
    """The token gives no access: give up all requests, and fix the access."""


class UnauthenticatedError(AccessError):
    """401: no valid token."""


class PaymentRequiredError(AccessError):
    """402: the account's plan does not cover it, which needs a GivEnergy Premium subscription."""


class ForbiddenError(AccessError):
    """403: the token lacks the scope, or the account may not see the resource.

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
        missing_capability: MissingCapability | None = None,
    ) -> None:
        self.scope = scope
        super().__init__(
            message,
            status=status,
            vendor_message=vendor_message,
            hint=hint,
            missing_capability=missing_capability,
        )


def error_for_status(
    status: int,
    *,
    what: str,
    vendor_message: str,
    scope: str,
    account_type: str = "any",
    missing_capability: MissingCapability | None = None,
    deprecated_since: str | None = None,
) -> GivEnergyError:
    """Return the error for a status that no retry can fix.

    Args:
        status: HTTP status of an error response of the API itself, 4xx other than 408 and 429
            (API documentation, Response Codes; 402 is known from later versions).
        what: The request: method and path.
        vendor_message: The `message` in the body of the response.
        scope: The scopes that the endpoint needs, separated by spaces.
        account_type: The type of account that it needs, "any" if every type will do.
        missing_capability: What the request lacks.
        deprecated_since: The version of the API that calls the endpoint deprecated; None: none.
    """
    quoted = f': "{vendor_message}"' if vendor_message else ""
    if status == 401:
        return UnauthenticatedError(
            f"The API does not accept the token (401 for {what}{quoted}).",
            hint=f"Create a new token on {TOKENS_PAGE} and set GIVENERGY_API_TOKEN to it.",
            status=status,
            vendor_message=vendor_message,
            missing_capability=missing_capability,
        )
    if status == 402:
        return PaymentRequiredError(
            f"The account's plan does not include this request (402 for {what}{quoted}).",
            hint="It needs a GivEnergy Premium subscription: check in the GivEnergy portal whether"
            " the account has one.",
            status=status,
            vendor_message=vendor_message,
            missing_capability=missing_capability,
        )
    if status == 403:
        scopes = scope.replace(" ", " and ")
        account = "" if account_type == "any" else f" and an account of type {account_type}"
        return ForbiddenError(
            f"The token lacks permission (403 for {what}{quoted}).",
            scope=scope,
            hint=f"It needs the scope {scopes}{account}: add the scope on {TOKENS_PAGE}, or check "
            "that the device is shared with this account.",
            status=status,
            vendor_message=vendor_message,
            missing_capability=missing_capability,
        )
    if status == 404 and missing_capability is MissingCapability.ENDPOINT:
        return NotFoundError(
            f"The API has no {what} for this account (404{quoted}).",
            hint=_ended(deprecated_since)
            or "Other API versions, or accounts with such devices, may have it: no action is "
            "needed.",
            status=status,
            vendor_message=vendor_message,
            missing_capability=missing_capability,
        )
    if status == 404:
        return NotFoundError(
            f"The API finds nothing at {what} (404{quoted}).",
            hint="The device may have left this account: look it up in the GivEnergy portal.",
            status=status,
            vendor_message=vendor_message,
            missing_capability=missing_capability,
        )
    return RequestRefusedError(
        f"The API refuses the request ({status} for {what}{quoted}).",
        hint=(missing_capability is MissingCapability.ENDPOINT and _ended(deprecated_since))
        or "A retry will be refused too: report it with this message.",
        status=status,
        vendor_message=vendor_message,
        missing_capability=missing_capability,
    )


def _ended(deprecated_since: str | None) -> str:
    """Return a hint for an endpoint that was announced to end; "" for any other."""
    if deprecated_since is None:
        return ""
    return (
        f"The API has called this endpoint deprecated since version {deprecated_since}, and may"
        " have ended it."
    )
