"""Accounts, their sites and communication devices (API documentation, Account and Site).

All of it describes people, so each endpoint lists the leaves that may be kept. Lookups by user name
are left out: the name would be part of the path.
"""

from __future__ import annotations

from givenergy.endpoints.definition import PAGING, Endpoint

# Devices, sites or accounts per page; the maximum is unknown, and few accounts have more.
_LIST_PAGE = 1000

_ACCOUNT_LEAVES = ("id", "role", "timezone", "standard_timezone", "country")
_PERSONAL_LEAVES = (
    "name",
    "first_name",
    "surname",
    "email",
    "address",
    "postcode",
    "telephone_number",
    "company",  # since version 1.35
)
_SITE_LEAVES = ("id", "date_created", "country", "timezone", "tz_timezone", "type", "products[]")

ACCOUNT = Endpoint(
    name="account",
    method="GET",
    path="/account",
    scope="api:account:read",
    keep=frozenset(f"data.{leaf}" for leaf in _ACCOUNT_LEAVES),
    personal=frozenset(f"data.{leaf}" for leaf in _PERSONAL_LEAVES),
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
    page_size=_LIST_PAGE,
    keep=PAGING | {f"data[].{leaf}" for leaf in _ACCOUNT_LEAVES},
    personal=frozenset(f"data[].{leaf}" for leaf in _PERSONAL_LEAVES),
)

ACCOUNT_DEVICES = Endpoint(
    name="account_devices",
    method="GET",
    path="/account/{account}/devices",
    scope="api:inverter:list api:account:read",
    account_type="engineer or above",
    page_size=_LIST_PAGE,
)

COMMUNICATION_DEVICES = Endpoint(
    name="communication_devices",
    method="GET",
    path="/communication-device",
    scope="api:inverter:list",
    page_size=_LIST_PAGE,
)

# A site's `account` is the login name of its owner; its coordinates are the owner's home.
SITES = Endpoint(
    name="sites",
    method="GET",
    path="/site",
    scope="api:site:list",
    page_size=_LIST_PAGE,
    keep=PAGING | {f"data[].{leaf}" for leaf in _SITE_LEAVES},
    personal=frozenset({"data[].name", "data[].account", "data[].latitude", "data[].longitude"}),
)

# For approved users only, according to the documentation; others are refused.
SITE_STATUS = Endpoint(
    name="site_status",
    method="GET",
    path="/site/{site}/status",
    scope="api:site:read",
    account_type="approved by GivEnergy",
    enveloped=False,
)

# All accounts of the person's single sign-on. The scope is assumed.
SSO_ACCOUNTS = Endpoint(
    name="sso_accounts",
    method="GET",
    path="/sso/me/accounts",
    scope="api:account:read",
    since="1.35",
    is_list=True,
    keep=frozenset(f"data[].{leaf}" for leaf in _ACCOUNT_LEAVES),
    personal=frozenset(f"data[].{leaf}" for leaf in _PERSONAL_LEAVES),
)

# The present powers and energies of a whole site; the scopes are assumed.
SITE_DATA = Endpoint(
    name="site_readings",
    method="GET",
    path="/site/{site}/data/latest",
    scope="api:site:read",
    since="1.53",
    enveloped=False,
)

SITE_ENERGY_DATA = Endpoint(
    name="site_energy_readings",
    method="GET",
    path="/site/{site}/energy-data/latest",
    scope="api:site:read",
    since="1.53",
    enveloped=False,
)
