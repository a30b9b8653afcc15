"""Which function answers which path of the API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from givenergy.endpoints import ENDPOINTS
from givenergy.endpoints.charger_endpoints import (
    EV_CHARGER,
    EV_CHARGING_SESSIONS,
    EV_METER_DATA,
)
from givenergy.endpoints.control_endpoints import MULTI_SETTING_READ, SETTING_READ
from givenergy.endpoints.definition import Endpoint
from givenergy.endpoints.inverter_endpoints import (
    ENERGY_FLOWS,
    INVERTER_DATA_POINTS,
    INVERTER_EVENTS,
    INVERTER_GRID_METER_DATA,
    INVERTER_METER_DATA,
    INVERTER_SYSTEM_DATA,
)
from givenergy.endpoints.smart_device_endpoints import SMART_DEVICE_DATA
from givenergy.endpoints.tariff_endpoints import TARIFF_SCHEDULER_SLOTS
from pipelines.serve.answers import (
    charging_sessions,
    data_points,
    energy_flows,
    events,
    grid_meter,
    meter_data,
    smart_readings,
)
from pipelines.serve.archived_answers import (
    ITEMS,
    Answer,
    checked,
    newest,
    refuse_command,
    setting_value,
)
from pipelines.serve.latest_readings import meter_readings, system_data

# Lists that are put together from many responses, and what is made of a newer data point.
_MADE = {
    INVERTER_DATA_POINTS: data_points,
    ENERGY_FLOWS: energy_flows,
    INVERTER_EVENTS: events,
    EV_METER_DATA: meter_data,
    EV_CHARGING_SESSIONS: charging_sessions,
    INVERTER_GRID_METER_DATA: grid_meter,
    SMART_DEVICE_DATA: smart_readings,
    INVERTER_SYSTEM_DATA: system_data,
    INVERTER_METER_DATA: meter_readings,
}
# What the newest fetch is looked for by, besides the path.
_FILTERS = {TARIFF_SCHEDULER_SLOTS: ("start_date", "end_date")}
# One of a list, which is asked for instead.
_AS_ITEMS = (EV_CHARGER,)
# GET requests that command: the inverter is asked for its data.
_COMMANDS = ("/inverter/{inverter}/request-data",)


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """A path of the API, the method that reads it, and the function that answers."""

    method: str
    path: str
    answer: Answer
    endpoint: Endpoint | None = None


def api_routes() -> Iterator[ApiRoute]:
    """Yield the routes; a path without a parameter comes before those with one there."""
    routes = [ApiRoute("GET", path, answer) for path, answer in ITEMS.items()]
    routes += [ApiRoute("GET", path, refuse_command) for path in _COMMANDS]
    for endpoint in ENDPOINTS.values():
        if endpoint not in _AS_ITEMS:
            routes.append(ApiRoute(endpoint.method, endpoint.path, _answer_of(endpoint), endpoint))
    yield from sorted(routes, key=lambda route: [part[:1] == "{" for part in _parts(route)])


def _parts(route: ApiRoute) -> list[str]:
    return route.path.split("/")


def _answer_of(endpoint: Endpoint) -> Answer:
    if not endpoint.reads or endpoint == MULTI_SETTING_READ:
        return refuse_command
    if endpoint == SETTING_READ:
        return checked(setting_value)
    if endpoint in _MADE:
        return checked(_MADE[endpoint])
    return newest(endpoint, *_FILTERS.get(endpoint, ()))
