"""Locks: what may not be changed for some time, and by whom it was closed (API version 1.53).

Only what reads; creating and removing locks is left out. The shapes are not documented. A lock can
name people (who closed it, and why in their words), so text is kept only of leaves that are known
to be harmless; numbers, booleans and times are kept, but for long integers.
"""

from __future__ import annotations

from givenergy.endpoints.definition import Endpoint, unlisted

_TIMES = ("created_at", "updated_at", "expires_at", "starts_at", "released_at", "deleted_at")
_LOCK = (
    *("id", "type", "lockable_type", "lockable_id", "status", "priority", "level", "is_active"),
    *_TIMES,
)
_SETTINGS = ("id", "type", "types[]", "enabled", "is_enabled", "priority", "status")
_DURATIONS = ("duration", "default_duration", "max_duration", "maximum_duration")

# The configuration of locking, the account's own. The scope is assumed.
LOCK_SETTINGS = Endpoint(
    name="lock_settings",
    method="GET",
    path="/lock",
    scope="api:inverter:read",
    since="1.53",
    enveloped=False,
    keep_values=True,
    keep=unlisted(*_SETTINGS, *_DURATIONS, *_TIMES),
)

# The locks of an inverter. That its type is called so, that its id is the serial number, and the
# scope, are assumed.
LOCKS = Endpoint(
    name="locks",
    method="GET",
    path="/lock/inverter/{inverter}",
    scope="api:inverter:read",
    since="1.53",
    enveloped=False,
    keep_values=True,
    keep=unlisted(*_LOCK, *(f"locks[].{leaf}" for leaf in _LOCK)),
    personal=frozenset({"data[].reason", "data.locks[].reason"}),
)
