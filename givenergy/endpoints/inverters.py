"""Inverters and the EMS: readings, flows, events, settings on offer.

API documentation, EMS Data, Energy Flow Data, Inverter Control and Inverter Data. The value of a
setting does not belong here: reading it sends a command to the inverter.
"""

from __future__ import annotations

from givenergy.endpoints.definition import Endpoint

__all__ = [
    "EMS_LATEST",
    "ENERGY_FLOWS",
    "INVERTER_DATA_POINTS",
    "INVERTER_EVENTS",
    "INVERTER_GRID_METER_DATA",
    "INVERTER_METER_DATA",
    "INVERTER_PRESETS",
    "INVERTER_SETTINGS",
    "INVERTER_SYSTEM_DATA",
]

# 100,000 is honoured and returns the busiest recorded day in one page (recorded).
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

# A reading a minute of each of 8 meters would be 12,000 rows in the longest day.
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
