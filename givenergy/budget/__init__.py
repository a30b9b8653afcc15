"""The shared request budget: how many requests the account has left, over all processes.

`request_budget` defines what a budget offers, `rules` and `breaker` decide as pure functions on
`state`, `sqlite_budget` applies them for one machine. Requests are sent by the client.
"""

from givenergy.budget.request_budget import (
    ACCOUNT_BUCKET,
    BudgetSnapshot,
    Grant,
    Lease,
    Minute,
    OwnLimit,
    Priority,
    RequestBudget,
    RequestOutcome,
    Signal,
)
from givenergy.budget.sqlite_budget import SqliteRequestBudget

__all__ = [
    "ACCOUNT_BUCKET",
    "BudgetSnapshot",
    "Grant",
    "Lease",
    "Minute",
    "OwnLimit",
    "Priority",
    "RequestBudget",
    "RequestOutcome",
    "Signal",
    "SqliteRequestBudget",
]
