"""GET /smart-tariff/automation/{date}, …/automation-settings, …/scheduler/slots: since 1.53.

What the scheduler did on a day, its settings, and what it plans. The shapes are invented: no
document shows them. As an "object", the slots of a day come beside the customer's numbers.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.framework.parameters import END_BEFORE_START, day_of
from simulator.http.messages import ApiError, HttpResponse, json_response
from simulator.seeded_random import uniform_of

AUTOMATION_LISTING = "tariff-automation"
SETTINGS_LISTING = "tariff-automation-settings"
SLOTS_LISTING = "tariff-slots"
_MOST_DAYS = 31


class AutomationListing(SimulatedListing):
    """What the scheduler of an account did on a day: `date`."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the slots of the day; none before there was an inverter, or of the future."""
        errors: dict[str, str] = {}
        day = day_of(parameters, "date", errors)
        if errors:
            raise ApiError.invalid(**errors)
        if day > self.state.now().date():
            return []
        return [
            {"start": slot["start_time"], "end": slot["end_time"], **rest}
            for slot in _slots(self, device_id, day)
            for rest in [{"action": slot["mode"], "rate": slot["price"], "charged": 2.5}]
        ]


class AutomationSettingsListing(SimulatedListing):
    """The settings of an account's automation; one row."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the settings."""
        override = {"start_time": "17:00", "end_time": "19:00", "action": "discharge"}
        return [{"is_enabled": True, "export_price": 15.2, "slot_overrides": [override]}]


class SchedulerSlotsListing(SimulatedListing):
    """The slots that are planned for an account between `start_date` and `end_date`."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the slots of the days, both included."""
        errors: dict[str, str] = {}
        first = day_of(parameters, "start_date", errors)
        last = day_of(parameters, "end_date", errors)
        if not errors and last < first:
            errors["end_date"] = END_BEFORE_START
        if not errors and (last - first).days >= _MOST_DAYS:
            errors["end_date"] = f"The range must not be longer than {_MOST_DAYS} days."
        if errors:
            raise ApiError.invalid(**errors)
        days = (first + dt.timedelta(days=number) for number in range((last - first).days + 1))
        return [slot for day in days for slot in _slots(self, device_id, day)]


def _slots(listing: SimulatedListing, account: str, day: dt.date) -> list[dict[str, Any]]:
    """Return the times at which an account charges and discharges on a day."""
    state = listing.state
    begun = min((each.commissioned for each in state.hierarchy[account].devices), default=None)
    if begun is None or day < begun or day > state.now().date() + dt.timedelta(days=1):
        return []
    share = uniform_of("tariff", state.config.seed, account, day.toordinal())
    at = dt.datetime.combine(day, dt.time(1), dt.UTC) + dt.timedelta(minutes=30 * int(share * 4))
    evening = dt.datetime.combine(day, dt.time(17), dt.UTC)
    return [
        {
            "start_time": f"{start:%Y-%m-%dT%H:%M:%SZ}",
            "end_time": f"{start + dt.timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}",
            "mode": mode,
            "price": round(price + 5 * share, 2),
            "target_soc": soc,
        }
        for start, mode, price, soc in ((at, "charge", 7, 100), (evening, "discharge", 30, 20))
    ]


def _automation(call: ApiCall) -> HttpResponse:
    day = call.parameters["date"]
    rows = call.listings.rows(AUTOMATION_LISTING, call.account.id, date=day)
    if call.state.config.undocumented_as == "list":
        return json_response(200, {"data": rows})
    profile = call.account.profile
    # A meter point has 13 digits.
    contract = 2_000_000_000_000 + profile["id"]
    about = {"version": 2, "contract_number": contract, "postcode": profile["postcode"]}
    return json_response(200, {"data": {**about, "slots": rows}})


def _settings(call: ApiCall) -> HttpResponse:
    return call.one(SETTINGS_LISTING, call.account.id)


def _planned(call: ApiCall) -> HttpResponse:
    filters = call.filters("start_date", "end_date")
    rows = call.listings.rows(SLOTS_LISTING, call.account.id, **filters)
    if call.state.config.undocumented_as == "list":
        return json_response(200, {"data": rows})
    return json_response(200, {"data": {"slots": rows}})


def _changed(call: ApiCall) -> HttpResponse:
    return json_response(200, {"success": True})


_BASE, _READ, _UPDATE = "/smart-tariff", "api:account:read", "api:account:update"
LISTINGS = {
    AUTOMATION_LISTING: AutomationListing,
    SETTINGS_LISTING: AutomationSettingsListing,
    SLOTS_LISTING: SchedulerSlotsListing,
}
ENDPOINTS = (
    ApiEndpoint(
        "GET",
        f"{_BASE}/automation/{{date}}",
        _READ,
        _automation,
        name=AUTOMATION_LISTING,
        since="1.53",
    ),
    ApiEndpoint(
        "GET",
        f"{_BASE}/automation-settings",
        _READ,
        _settings,
        name=SETTINGS_LISTING,
        since="1.53",
    ),
    ApiEndpoint(
        "PUT", f"{_BASE}/automation-settings", _UPDATE, _changed, reads=False, since="1.53"
    ),
    ApiEndpoint(
        "GET", f"{_BASE}/scheduler/slots", _READ, _planned, name=SLOTS_LISTING, since="1.53"
    ),
    *(
        ApiEndpoint(method, f"{_BASE}/tariff", _UPDATE, _changed, reads=False, since="1.53")
        for method in ("POST", "PUT", "DELETE")
    ),
)
