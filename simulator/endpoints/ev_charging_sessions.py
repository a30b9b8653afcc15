"""GET /ev-charger/{uuid}/charging-sessions (contract, "Charging Sessions").

The contract's example sends the filters in a body; in practice they are query parameters, and
version 1.26 ignores a body. Sessions come newest first; the contract states no order. What
happened while a charger was offline becomes known when it is online again: a session may appear
late, or stay open for long.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from simulator.endpoints.ev_chargers import charger_of
from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import LazyRows, Parameters, SimulatedListing
from simulator.framework.parameters import END_BEFORE_START, is_no_date
from simulator.http.messages import ApiError, HttpResponse
from simulator.seeded_random import Floats, Integers, uniform
from simulator.world.charger_fleet import Charger, id_tags
from simulator.world.charging_schedule import SessionColumns
from simulator.world.local_calendar import utc_text

LISTING = "charging-sessions"
STOP_REASONS = (
    "EVDisconnected",
    "Local",
    "Remote",
    "Other",
    "PowerLoss",
    "SoftReset",
    "HardReset",
    "Reboot",
    "UnlockCommand",
    "EmergencyStop",
    "DeAuthorized",
)
_REASON_LIMITS = np.cumsum([0.45, 0.2, 0.15, 0.05, 0.04, 0.03, 0.02, 0.02, 0.02, 0.01])
_STARTER_LIMITS = np.cumsum([0.4, 0.2, 0.25])
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class ChargingSessionListing(SimulatedListing):
    """The sessions of the charger with a UUID."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the known sessions within `start_time` and `end_time`, newest first."""
        charger = self.state.chargers[device_id]
        first, last = _bounds(parameters)
        now_s = self.state.now().timestamp()
        sessions = charger.sessions.until(now_s)
        chargers = self.state.chargers
        within = (sessions.start_s >= first) & (sessions.start_s <= min(last, now_s))
        begun = np.flatnonzero(within)[::-1]
        known = begun[chargers.online_from(charger, sessions.start_s[begun]) <= now_s]
        stopped = chargers.online_from(charger, sessions.stop_s[known]) <= now_s
        user = self.state.accounts[charger.account].id

        def rows(shown: slice) -> list[dict[str, Any]]:
            return _described(charger, user, sessions, known[shown], stopped[shown])

        return LazyRows(len(known), rows)

    def select(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """Return the rows that start within the bounds, and those without a readable start."""
        first, last = _bounds(parameters)
        return [row for row in rows if _starts_within(row, first, last)]


def _described(
    charger: Charger, user: str, sessions: SessionColumns, which: Integers, stopped: Any
) -> list[dict[str, Any]]:
    numbers = sessions.number[which]
    tags = id_tags(charger)

    def choice(name: int, limits: Floats) -> list[int]:
        chances = uniform(charger.key + name, numbers)
        return np.searchsorted(limits, chances, side="right").tolist()  # type: ignore[no-any-return]

    starters = choice(20, _STARTER_LIMITS)
    reasons = choice(21, _REASON_LIMITS)
    rows = []
    for position, index in enumerate(which.tolist()):
        tag = tags[int(numbers[position]) % len(tags)]
        started_by = ("PLUG_AND_GO", "INVERTER_CONTROL", tag, user)[starters[position]]
        row: dict[str, Any] = {
            "started_by": started_by,
            "meter_start": int(sessions.meter_start_wh[index]) / 1000,
            "started_at": utc_text(sessions.start_s[index]),
            "stopped_by": None,
            "meter_stop": None,
            "stopped_at": None,
            "stop_reason": None,
        }
        if stopped[position]:
            reason = STOP_REASONS[reasons[position]]
            # Contract: stopped by charger or car, the tag is the one that started the session.
            row["stopped_by"] = {"Local": tag, "Remote": user}.get(reason, started_by)
            row["meter_stop"] = int(sessions.meter_stop_wh[index]) / 1000
            row["stopped_at"] = utc_text(sessions.stop_s[index])
            row["stop_reason"] = reason
        rows.append(row)
    return rows


def _starts_within(row: Any, first: float, last: float) -> bool:
    started = row.get("started_at") if isinstance(row, Mapping) else None
    try:
        start_s = _parsed(started).timestamp()
    except (TypeError, ValueError):
        return True
    return first <= start_s <= last


def _bounds(parameters: Parameters) -> tuple[float, float]:
    """Return first and last start requested. A date is its midnight in UTC, as the end too."""
    bounds = {"start_time": -np.inf, "end_time": np.inf}
    errors = {}
    for name in bounds:
        text = parameters.get(name)
        if text is None:
            continue
        try:
            bounds[name] = _parsed(text).timestamp()
        except (TypeError, ValueError):
            errors[name] = is_no_date(name)
    if not errors and bounds["end_time"] < bounds["start_time"]:
        errors["end_time"] = END_BEFORE_START
    if errors:
        raise ApiError.invalid(**errors)
    return bounds["start_time"], bounds["end_time"]


def _parsed(text: Any) -> dt.datetime:
    """Parse a date or datetime, by default in UTC. Raises `ValueError` or `TypeError`."""
    if isinstance(text, str) and not _DAY.match(text):
        raise ValueError(text)
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _page(call: ApiCall) -> HttpResponse:
    filters = call.filters("start_time", "end_time")
    return call.page(LISTING, charger_of(call).uuid, **filters)


LISTINGS = {LISTING: ChargingSessionListing}
ENDPOINTS = (
    ApiEndpoint(
        "GET", f"/ev-charger/{{uuid}}/{LISTING}", "api:ev-charger:data", _page, name=LISTING
    ),
)
