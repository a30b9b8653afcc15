"""The GivEnergy Cloud API, and nothing else.

Here live the client, the shared request budget, pagination, the errors by what one can do about
them and the code tables. What is done with a response (archive, tables, Dagster) lives elsewhere;
this package imports none of it and can be used alone.
"""

from givenergy.accounts import AccountIdentity, resolve_account
from givenergy.attempts import FailedAttempt
from givenergy.budget.interface import BudgetSnapshot, Lease, Priority, RequestBudget
from givenergy.budget.sqlite import SqliteRequestBudget
from givenergy.client import Client, Fetched, Page
from givenergy.codes import domain
from givenergy.endpoints import COMMUNICATION_DEVICES, ENDPOINTS, INVERTER_DATA_POINTS, Endpoint
from givenergy.errors import (
    AccessError,
    CancelledError,
    DeviceNotFoundError,
    ForbiddenError,
    GivEnergyError,
    HostDownError,
)

__all__ = [
    "COMMUNICATION_DEVICES",
    "ENDPOINTS",
    "INVERTER_DATA_POINTS",
    "AccessError",
    "AccountIdentity",
    "BudgetSnapshot",
    "CancelledError",
    "Client",
    "DeviceNotFoundError",
    "Endpoint",
    "FailedAttempt",
    "Fetched",
    "ForbiddenError",
    "GivEnergyError",
    "HostDownError",
    "Lease",
    "Page",
    "Priority",
    "RequestBudget",
    "SqliteRequestBudget",
    "domain",
    "resolve_account",
]
