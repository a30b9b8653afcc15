"""A client for the GivEnergy Cloud API, usable without the rest of givlake.

This package has the client, the shared request budget, paging, the errors and the code tables. What
is done with a response (archive, tables, Dagster) belongs to other packages, none of which is
imported here. The endpoints are in `givenergy.endpoints`, the codes in `givenergy.codes`.
"""

from givenergy.account_identity import AccountIdentity, forget_identity, resolve_account
from givenergy.budget.request_budget import BudgetSnapshot, Lease, Priority, RequestBudget
from givenergy.budget.sqlite_budget import SqliteRequestBudget
from givenergy.client import Client
from givenergy.codes import domain
from givenergy.errors import (
    AccessError,
    CancelledError,
    ForbiddenError,
    ForeignAnswerError,
    GivEnergyError,
    HostDownError,
    LocalFaultError,
    NotFoundError,
    PaymentRequiredError,
    ProxyRefusedError,
    RequestRefusedError,
)
from givenergy.models import FailedAttempt, Fetched, Page
from givenergy.server_clock import clock_correction_s, correct_clock, corrected, utc_now

__all__ = [
    "AccessError",
    "AccountIdentity",
    "BudgetSnapshot",
    "CancelledError",
    "Client",
    "FailedAttempt",
    "Fetched",
    "ForbiddenError",
    "ForeignAnswerError",
    "GivEnergyError",
    "HostDownError",
    "Lease",
    "LocalFaultError",
    "NotFoundError",
    "Page",
    "PaymentRequiredError",
    "Priority",
    "ProxyRefusedError",
    "RequestBudget",
    "RequestRefusedError",
    "SqliteRequestBudget",
    "clock_correction_s",
    "correct_clock",
    "corrected",
    "domain",
    "forget_identity",
    "resolve_account",
    "utc_now",
]
