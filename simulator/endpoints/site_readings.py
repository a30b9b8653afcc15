"""GET /site/{id}/data/latest and …/energy-data/latest: since version 1.53 of the API.

Powers and energies of all inverters of a site together. The shapes are invented, as no document
shows them: like those of an inverter, with leaves of their own. As an "object" they have no time.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from simulator.endpoints.inverter_latest import MeterDataListing, SystemDataListing
from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.http.messages import HttpResponse
from simulator.seeded_random import Integers
from simulator.world.charging_schedule import SessionColumns
from simulator.world.cloud_state import CloudState
from simulator.world.installations import SimulatedDevice

POWER_LISTING = "site-data"
ENERGY_LISTING = "site-energy-data"


class SiteDataListing(SimulatedListing):
    """Powers of a site, by its id; one row, or none."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the sum over the newest readings of the inverters."""
        latest = SystemDataListing(self.state)
        devices = _inverters(self.state, device_id)
        rows = [row for each in devices for row in latest.generate(each.serial, {})]
        if not rows:
            return []
        now, _, cars = _cars(self.state, device_id)
        return _timed(
            self.state,
            rows,
            {
                "solar": {"power": _sum(rows, "solar", "power")},
                "grid": {"power": _sum(rows, "grid", "power")},
                "battery": {"power": _sum(rows, "battery", "power")},
                "consumption": _sum(rows, "consumption"),
                "ev": {"power": sum(int(c.charging_w(now)[0]) for c in cars)},
                "inverter_count": len(rows),
            },
        )


class SiteEnergyDataListing(SimulatedListing):
    """Energies of a site, by its id; one row, or none."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the sum over the newest counters of the inverters."""
        latest = MeterDataListing(self.state)
        devices = _inverters(self.state, device_id)
        rows = [row for each in devices for row in latest.generate(each.serial, {})]
        if not rows:
            return []
        now, midnight, cars = _cars(self.state, device_id)
        registers = {"today": midnight, "total": np.zeros(1, np.int64)}
        periods = {
            period: {
                "solar": _sum(rows, period, "solar"),
                "grid": {way: _sum(rows, period, "grid", way) for way in ("import", "export")},
                "battery": {
                    way: _sum(rows, period, "battery", way) for way in ("charge", "discharge")
                },
                "consumption": _sum(rows, period, "consumption"),
                "ev": sum(int(c.register_wh(now)[0] - c.register_wh(since)[0]) for c in cars)
                / 1000,
            }
            for period, since in registers.items()
        }
        return _timed(self.state, rows, periods)


def _inverters(state: CloudState, site: str) -> Iterable[SimulatedDevice]:
    account = state.hierarchy.by_site(site)
    if account is None:
        raise KeyError(f"The simulator has no site {site!r}.")
    return [device for device in account.devices if device.has_data]


def _cars(state: CloudState, site: str) -> tuple[Integers, Integers, list[SessionColumns]]:
    """Return the present and the last midnight in epoch seconds, and the sessions of the cars."""
    now = state.now()
    calendar = state.households.calendar
    midnight_s = calendar.span(now.astimezone(calendar.zone).toordinal()).start_s
    account = state.hierarchy.by_site(site)
    is_metered = account is not None and state.home_meter(account.number) is not None
    schedules = state.chargers.sessions_of(account.number) if account and is_metered else []
    moments = [np.array([int(time_s)]) for time_s in (now.timestamp(), midnight_s)]
    return moments[0], moments[1], [each.until(now.timestamp()) for each in schedules]


def _timed(
    state: CloudState, rows: Sequence[dict[str, Any]], reading: dict[str, Any]
) -> Sequence[Any]:
    if state.config.undocumented_as == "object":
        return [reading]
    return [{"time": max(row["time"] for row in rows), **reading}]


def _sum(rows: Iterable[Any], *path: str) -> float | None:
    """Return the sum of a leaf over rows, as far as they have a number there."""
    numbers = []
    for value in rows:
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            numbers.append(value)
    return round(sum(numbers), 1) if numbers else None


def _powers(call: ApiCall) -> HttpResponse:
    return call.one(POWER_LISTING, _accessible_site(call))


def _energies(call: ApiCall) -> HttpResponse:
    return call.one(ENERGY_LISTING, _accessible_site(call))


def _accessible_site(call: ApiCall) -> str:
    site = call.parameters["site"]
    call.accessible_account(call.state.hierarchy.by_site(site))
    return site


_READ = "api:site:read"
LISTINGS = {POWER_LISTING: SiteDataListing, ENERGY_LISTING: SiteEnergyDataListing}
ENDPOINTS = (
    ApiEndpoint(
        "GET", "/site/{site}/data/latest", _READ, _powers, name=POWER_LISTING, since="1.53"
    ),
    ApiEndpoint(
        "GET",
        "/site/{site}/energy-data/latest",
        _READ,
        _energies,
        name=ENERGY_LISTING,
        since="1.53",
    ),
)
