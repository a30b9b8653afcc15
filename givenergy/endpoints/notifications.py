"""Notifications to the owner's own app: the one request that givlake makes without reading.

Nobody else hears of them (API documentation, Notifications); the texts may hold no e-mail
addresses, telephone numbers or URLs, which is the sender's business.
"""

from __future__ import annotations

from givenergy.budget.interface import OwnLimit
from givenergy.endpoints.definition import Endpoint

__all__ = ["NOTIFICATION_SEND"]

NOTIFICATION_SEND = Endpoint(
    name="notification_send",
    method="POST",
    path="/notification/send",
    scope="api:notification:send",
    enveloped=False,
    limit=OwnLimit(10, 3600.0),
    reads=False,
)
