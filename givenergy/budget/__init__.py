"""The shared request budget: how many requests the account has left, over all processes.

`request_budget` defines what a budget offers, `rules` and `breaker` decide as pure functions on
`state`, `shared_budget` applies them to what a store keeps. Requests are sent by the client.
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
from givenergy.budget.shared_budget import SharedRequestBudget

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
    "SharedRequestBudget",
    "Signal",
]
