"""Readings, flows and events of inverters, and the EMS.

API documentation, sections EMS Data, Energy Flow Data and Inverter Data.
"""

from __future__ import annotations

from givenergy.endpoints.definition import Endpoint

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

INVERTER_GRID_METER_DATA = Endpoint(
    name="inverter_grid_meter_readings",
    method="GET",
    path="/inverter/{inverter}/meter/data",
    scope="api:inverter:data",
    is_list=True,
    since="1.35",
)

ENERGY_FLOWS = Endpoint(
    name="energy_flows",
    method="POST",
    path="/inverter/{inverter}/energy-flows",
    scope="api:inverter:data",
    deprecated_since="1.53",
    is_list=True,
)

EMS_LATEST = Endpoint(
    name="ems_readings",
    method="GET",
    path="/ems/{ems}/system-data/latest",
    scope="api:inverter:read",
)

# The scope is assumed.
INVERTER_HEALTH = Endpoint(
    name="inverter_health",
    method="GET",
    path="/inverter/{inverter}/health",
    scope="api:inverter:read",
    since="1.53",
    enveloped=False,
)
