"""The GivEnergy Cloud API, and nothing else.

Here live the client, the shared request budget, pagination, the errors by what one can do about
them and the code tables. What is done with a response (archive, tables, Dagster) lives elsewhere;
this package imports none of it and can be used alone.
"""

from givenergy.accounts import AccountIdentity, forget_identity, resolve_account
from givenergy.attempts import FailedAttempt
from givenergy.budget.interface import BudgetSnapshot, Lease, Priority, RequestBudget
from givenergy.budget.sqlite import SqliteRequestBudget
from givenergy.client import Client, Fetched, Page
from givenergy.codes import domain
from givenergy.endpoints import (
    ACCOUNT,
    ACCOUNT_BY_ID,
    ACCOUNT_CHILDREN,
    ACCOUNT_DEVICES,
    COMMUNICATION_DEVICES,
    EMS_LATEST,
    ENDPOINTS,
    ENERGY_FLOWS,
    EV_CHARGER,
    EV_CHARGER_COMMAND_DATA,
    EV_CHARGER_COMMANDS,
    EV_CHARGERS,
    EV_CHARGING_SESSIONS,
    EV_METER_DATA,
    INVERTER_DATA_POINTS,
    INVERTER_EVENTS,
    INVERTER_GRID_METER_DATA,
    INVERTER_METER_DATA,
    INVERTER_PRESETS,
    INVERTER_SETTINGS,
    INVERTER_SYSTEM_DATA,
    NOTIFICATION_SEND,
    SITE_STATUS,
    SITES,
    SMART_DEVICE_DATA,
    SMART_DEVICES,
    Endpoint,
)
from givenergy.errors import (
    AccessError,
    CancelledError,
    DeviceNotFoundError,
    ForbiddenError,
    GivEnergyError,
    HostDownError,
    RequestRefusedError,
)

__all__ = [
    "ACCOUNT",
    "ACCOUNT_BY_ID",
    "ACCOUNT_CHILDREN",
    "ACCOUNT_DEVICES",
    "COMMUNICATION_DEVICES",
    "EMS_LATEST",
    "ENDPOINTS",
    "ENERGY_FLOWS",
    "EV_CHARGER",
    "EV_CHARGERS",
    "EV_CHARGER_COMMANDS",
    "EV_CHARGER_COMMAND_DATA",
    "EV_CHARGING_SESSIONS",
    "EV_METER_DATA",
    "INVERTER_DATA_POINTS",
    "INVERTER_EVENTS",
    "INVERTER_GRID_METER_DATA",
    "INVERTER_METER_DATA",
    "INVERTER_PRESETS",
    "INVERTER_SETTINGS",
    "INVERTER_SYSTEM_DATA",
    "NOTIFICATION_SEND",
    "SITES",
    "SITE_STATUS",
    "SMART_DEVICES",
    "SMART_DEVICE_DATA",
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
    "RequestRefusedError",
    "SqliteRequestBudget",
    "domain",
    "forget_identity",
    "resolve_account",
]
