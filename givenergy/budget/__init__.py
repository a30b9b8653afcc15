"""The shared request budget: how many requests the account has left, over all processes.

`interface` says what a budget offers, `rules` and `breaker` decide as pure functions on `state`,
`sqlite` applies them for one machine. Sending requests is the client's business.
"""

from givenergy.budget.interface import (
    ACCOUNT_BUCKET,
    BudgetSnapshot,
    Grant,
    Lease,
    Minute,
    Outcome,
    OwnLimit,
    Priority,
    RequestBudget,
    Signal,
)
from givenergy.budget.sqlite import SqliteRequestBudget

__all__ = [
    "ACCOUNT_BUCKET",
    "BudgetSnapshot",
    "Grant",
    "Lease",
    "Minute",
    "Outcome",
    "OwnLimit",
    "Priority",
    "RequestBudget",
    "Signal",
    "SqliteRequestBudget",
]
