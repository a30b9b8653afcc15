"""The requests that givlake may make: an allow-list of (method, path), and nothing else.

Every endpoint here only reads. A write, or a read that commands a device (``request-data``, the
values of inverter settings), does not belong here, nor does one that only repeats a list's rows one
by one. What an endpoint's answers mean is decided in the datasets, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from givenergy.endpoints.accounts import (
    ACCOUNT,
    ACCOUNT_BY_ID,
    ACCOUNT_CHILDREN,
    ACCOUNT_DEVICES,
    COMMUNICATION_DEVICES,
    SITE_STATUS,
    SITES,
)
from givenergy.endpoints.definition import Endpoint
from givenergy.endpoints.ev_chargers import (
    EV_CHARGER,
    EV_CHARGER_COMMAND_DATA,
    EV_CHARGER_COMMANDS,
    EV_CHARGERS,
    EV_CHARGING_SESSIONS,
    EV_METER_DATA,
)
from givenergy.endpoints.inverters import (
    EMS_LATEST,
    ENERGY_FLOWS,
    INVERTER_DATA_POINTS,
    INVERTER_EVENTS,
    INVERTER_GRID_METER_DATA,
    INVERTER_METER_DATA,
    INVERTER_PRESETS,
    INVERTER_SETTINGS,
    INVERTER_SYSTEM_DATA,
)
from givenergy.endpoints.notifications import NOTIFICATION_SEND
from givenergy.endpoints.smart_devices import SMART_DEVICE_DATA, SMART_DEVICES

_ALL = (
    ACCOUNT,
    ACCOUNT_BY_ID,
    ACCOUNT_CHILDREN,
    ACCOUNT_DEVICES,
    SITES,
    SITE_STATUS,
    COMMUNICATION_DEVICES,
    INVERTER_DATA_POINTS,
    INVERTER_SYSTEM_DATA,
    INVERTER_METER_DATA,
    INVERTER_GRID_METER_DATA,
    INVERTER_EVENTS,
    ENERGY_FLOWS,
    INVERTER_PRESETS,
    INVERTER_SETTINGS,
    EMS_LATEST,
    EV_CHARGERS,
    EV_CHARGER,
    EV_METER_DATA,
    EV_CHARGING_SESSIONS,
    EV_CHARGER_COMMANDS,
    EV_CHARGER_COMMAND_DATA,
    SMART_DEVICES,
    SMART_DEVICE_DATA,
    NOTIFICATION_SEND,
)

ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType({e.name: e for e in _ALL})

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
    "Endpoint",
]
