"""The requests that givlake may make: an allow-list of (method, path), and nothing else.

Every endpoint here only reads, except for the notification to the owner's own app. Requests that
write, or that read by commanding a device (`request-data`, the values of inverter settings), do not
belong here, nor do requests that return one row of a list that is read anyway. What a response
means is defined by the datasets.

Every `Endpoint` that is an attribute of this module is on the allow-list `ENDPOINTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from givenergy.budget.request_budget import OwnLimit
from givenergy.endpoints.definition import PAGING, Endpoint

# Accounts, their sites and devices (API documentation, Account and Site). All of it describes
# people, so each endpoint lists the leaves that may be kept. Lookups by user name are left out: the
# name would be part of the path.

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

# Inverters and the EMS: readings, flows, events, settings on offer (API documentation, EMS Data,
# Energy Flow Data, Inverter Control and Inverter Data).

# 100,000 is accepted and returns the largest recorded day in one page (recorded).
INVERTER_DATA_POINTS = Endpoint(
    name="inverter_data_points",
    method="GET",
    path="/inverter/{inverter}/data-points/{date}",
    scope="api:inverter:data",
    page_size=100_000,
)

INVERTER_SYSTEM_DATA = Endpoint(
    name="inverter_system_readings",
    method="GET",
    path="/inverter/{inverter}/system-data/latest",
    scope="api:inverter:read",
)

INVERTER_METER_DATA = Endpoint(
    name="inverter_meter_readings",
    method="GET",
    path="/inverter/{inverter}/meter-data/latest",
    scope="api:inverter:read",
)

INVERTER_EVENTS = Endpoint(
    name="inverter_events",
    method="GET",
    path="/inverter/{inverter}/events",
    scope="api:inverter:data",
    page_size=1000,
    newest_first=True,
)

# One reading per minute of each of 8 meters would be 12,000 rows in the longest day.
INVERTER_GRID_METER_DATA = Endpoint(
    name="inverter_grid_meter_readings",
    method="GET",
    path="/inverter/{inverter}/meter/data",
    scope="api:inverter:data",
    page_size=20_000,
    later_version=True,
)

ENERGY_FLOWS = Endpoint(
    name="energy_flows",
    method="POST",
    path="/inverter/{inverter}/energy-flows",
    scope="api:inverter:data",
    is_list=True,
)

INVERTER_PRESETS = Endpoint(
    name="inverter_presets",
    method="GET",
    path="/inverter/{inverter}/presets",
    scope="api:inverter:control",
    is_list=True,
)

INVERTER_SETTINGS = Endpoint(
    name="inverter_setting_definitions",
    method="GET",
    path="/inverter/{inverter}/settings",
    scope="api:inverter:control",
    is_list=True,
)

EMS_LATEST = Endpoint(
    name="ems_readings",
    method="GET",
    path="/ems/{ems}/system-data/latest",
    scope="api:inverter:read",
)

# EV chargers (API documentation, EV Charger). ID tags and user numbers show who charged when, names
# are the owner's own words: each endpoint lists the leaves that may be kept.

_CHARGER_LEAVES = ("uuid", "serial_number", "type", "online", "went_offline_at", "status")
_SESSION_LEAVES = ("meter_start", "started_at", "meter_stop", "stopped_at", "stop_reason")
# In place of an ID tag, for a session started without a tag (API documentation, ID Tags).
_NO_TAGS = frozenset({"PLUG_AND_GO", "INVERTER_CONTROL"})

# The data of the commands (API documentation, Commands), without ID tags and names.
_COMMAND_LEAVES = frozenset(
    {
        "data",
        "data.min",
        "data.max",
        "data.value",
        "data.unit",
        "data.active",
        "data.available[]",
        "data.mode",
        "data.inverter_battery_export_split",
        "data.max_battery_discharge_power_to_evc",
        "data.schedule_id",
        "data.schedules[].id",
        "data.schedules[].is_active",
        "data.schedules[].periods[].days[]",
        "data.schedules[].periods[].start_time",
        "data.schedules[].periods[].end_time",
        "data.schedules[].periods[].limit",
        "data.id_tags[].expiry_date",
        "data.id_tags[].created_at",
        "data.maximum_id_tags",
    }
)

EV_CHARGERS = Endpoint(
    name="ev_chargers",
    method="GET",
    path="/ev-charger",
    scope="api:ev-charger:list",
    account_type="customer",
    page_size=1000,
    keep=PAGING | {f"data[].{leaf}" for leaf in _CHARGER_LEAVES},
    personal=frozenset({"data[].alias"}),
)

EV_CHARGER = Endpoint(
    name="ev_charger",
    method="GET",
    path="/ev-charger/{charger}",
    scope="api:ev-charger:read",
    keep=frozenset(f"data.{leaf}" for leaf in _CHARGER_LEAVES),
    personal=frozenset({"data.alias"}),
)

# One reading per minute of each of 4 meters: 6,000 rows in the longest day, of 25 hours.
EV_METER_DATA = Endpoint(
    name="ev_meter_readings",
    method="GET",
    path="/ev-charger/{charger}/meter-data",
    scope="api:ev-charger:data",
    page_size=10_000,
)

EV_CHARGING_SESSIONS = Endpoint(
    name="ev_charging_sessions",
    method="GET",
    path="/ev-charger/{charger}/charging-sessions",
    scope="api:ev-charger:data",
    page_size=1000,
    keep=PAGING
    | {f"data[].{leaf}" for leaf in _SESSION_LEAVES}
    | {"params.start_time", "params.end_time"},
    pseudonymise=frozenset({"data[].started_by", "data[].stopped_by"}),
    plain=_NO_TAGS,
)

EV_CHARGER_COMMANDS = Endpoint(
    name="ev_charger_commands",
    method="GET",
    path="/ev-charger/{charger}/commands",
    scope="api:ev-charger:control",
)

EV_CHARGER_COMMAND_DATA = Endpoint(
    name="ev_charger_command_data",
    method="GET",
    path="/ev-charger/{charger}/commands/{command}",
    scope="api:ev-charger:control",
    single=True,
    keep=_COMMAND_LEAVES,
    personal=frozenset({"data.schedules[].name", "data.id_tags[].alias"}),
    pseudonymise=frozenset({"data.id_tags[].id"}),
    plain=_NO_TAGS,
)

# Smart devices (API documentation, Smart Device). Their list contains `local_key`, which gives
# anybody in the same network control of the device: it is never kept, whatever the owner allows.

SMART_DEVICES = Endpoint(
    name="smart_devices",
    method="GET",
    path="/smart-device",
    scope="api:smart-device:list",
    page_size=1000,
    keep=PAGING | {"data[].uuid", "data[].other_data.graph_color", "data[].other_data.hardware_id"},
    personal=frozenset({"data[].alias"}),
)

# No filter by date: a larger page would return known rows every day. One per minute is 1,500 a day.
SMART_DEVICE_DATA = Endpoint(
    name="smart_device_readings",
    method="GET",
    path="/smart-device/{device}/data",
    scope="api:smart-device:data",
    page_size=2000,
    newest_first=True,
)

# A notification to the owner's own app, which nobody else receives (API documentation,
# Notifications). Its texts may not contain e-mail addresses, telephone numbers or URLs.
NOTIFICATION_SEND = Endpoint(
    name="notification_send",
    method="POST",
    path="/notification/send",
    scope="api:notification:send",
    enveloped=False,
    limit=OwnLimit(10, 3600.0),
    reads=False,
)

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType(
    {value.name: value for value in list(globals().values()) if isinstance(value, Endpoint)}
)
