"""A notification to the owner's own app, which nobody else receives.

API documentation, Notifications. Its texts may not contain e-mail addresses, telephone numbers or
URLs.
"""

from __future__ import annotations

from givenergy.budget.request_budget import OwnLimit
from givenergy.endpoints.definition import Endpoint

NOTIFICATION_SEND = Endpoint(
    name="notification_send",
    method="POST",
    path="/notification/send",
    scope="api:notification:send",
    enveloped=False,
    limit=OwnLimit(10, 3600.0),
    reads=False,
)
