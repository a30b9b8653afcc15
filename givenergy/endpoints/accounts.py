"""Accounts, their sites and the devices they own (API documentation, Account and Site).

All of it describes people, so each endpoint says which leaves may be kept. Lookups by user name are
left out: the name would stand in the path.
"""

from __future__ import annotations

from givenergy.endpoints.definition import PAGING, Endpoint

__all__ = [
    "ACCOUNT",
    "ACCOUNT_BY_ID",
    "ACCOUNT_CHILDREN",
    "ACCOUNT_DEVICES",
    "COMMUNICATION_DEVICES",
    "SITES",
    "SITE_STATUS",
]

# How many devices, sites or accounts one page holds; the cap is unknown, and few have more.
_LIST = 1000

_OF_AN_ACCOUNT = ("id", "role", "timezone", "standard_timezone", "country")
_PERSONAL = (
    "name",
    "first_name",
    "surname",
    "email",
    "address",
    "postcode",
    "telephone_number",
)
_OF_A_SITE = ("id", "date_created", "country", "timezone", "tz_timezone", "type", "products[]")

ACCOUNT = Endpoint(
    name="account",
    method="GET",
    path="/account",
    scope="api:account:read",
    keep=frozenset(f"data.{leaf}" for leaf in _OF_AN_ACCOUNT),
    personal=frozenset(f"data.{leaf}" for leaf in _PERSONAL),
)

ACCOUNT_BY_ID = Endpoint(
    name="account_by_id",
    method="GET",
    path="/account/{account}",
    scope="api:account:read",
    account_type="engineer or above",
    keep=ACCOUNT.keep,
    personal=ACCOUNT.personal,
)

ACCOUNT_CHILDREN = Endpoint(
    name="account_children",
    method="GET",
    path="/account-children",
    scope="api:account:list",
    account_type="engineer or above",
    page_size=_LIST,
    keep=PAGING | {f"data[].{leaf}" for leaf in _OF_AN_ACCOUNT},
    personal=frozenset(f"data[].{leaf}" for leaf in _PERSONAL),
)

ACCOUNT_DEVICES = Endpoint(
    name="account_devices",
    method="GET",
    path="/account/{account}/devices",
    scope="api:inverter:list api:account:read",
    account_type="engineer or above",
    page_size=_LIST,
)

COMMUNICATION_DEVICES = Endpoint(
    name="communication_devices",
    method="GET",
    path="/communication-device",
    scope="api:inverter:list",
    page_size=_LIST,
)

# A site's `account` is the name its owner logs in with; where it lies is where its owner lives.
SITES = Endpoint(
    name="sites",
    method="GET",
    path="/site",
    scope="api:site:list",
    page_size=_LIST,
    keep=PAGING | {f"data[].{leaf}" for leaf in _OF_A_SITE},
    personal=frozenset({"data[].name", "data[].account", "data[].latitude", "data[].longitude"}),
)

# The documentation opens it to approved users only; everybody else is refused.
SITE_STATUS = Endpoint(
    name="site_status",
    method="GET",
    path="/site/{site}/status",
    scope="api:site:read",
    account_type="approved by GivEnergy",
    enveloped=False,
)
