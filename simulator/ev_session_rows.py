"""Charging sessions as the API lists them (contract, "Charging Sessions").

Belongs here: which sessions are known by now, who started and stopped them and why, filters.
Does not belong here: when cars are plugged in (``ev_sessions``).

Newest first; the contract names no order. What happened while a charger was offline becomes known
when it is online again: a session may appear late, or stay open for long.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from simulator.answers import ApiError
from simulator.ev_chargers import Charger
from simulator.ev_sessions import Sessions
from simulator.listings import LazyRows, Parameters
from simulator.noise import Floats, Integers, uniform
from simulator.world import World

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


def id_tags(charger: Charger) -> list[str]:
    """The numbers of the physical tags that belong to a charger."""
    return [f"{(charger.key >> (8 * n)) & 0xFFFFFFF:07x}" for n in range(2)]


class ChargingSessions:
    """The listing "charging-sessions"; its devices are chargers' UUIDs."""

    def __init__(self, world: World) -> None:
        """Of all chargers of ``world``."""
        self._world = world

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """All known sessions within ``start_time`` and ``end_time``, newest first."""
        charger = self._world.chargers[device_id]
        first, last = _bounds(parameters)
        now_s = self._world.now().timestamp()
        sessions = charger.sessions.until(now_s)
        chargers = self._world.chargers
        within = (sessions.start_s >= first) & (sessions.start_s <= min(last, now_s))
        begun = np.flatnonzero(within)[::-1]
        known = begun[chargers.online_again(charger, sessions.start_s[begun]) <= now_s]
        stopped = chargers.online_again(charger, sessions.stop_s[known]) <= now_s
        user = self._world.accounts[charger.account].id

        def rows(shown: slice) -> list[dict[str, Any]]:
            return _described(charger, user, sessions, known[shown], stopped[shown])

        return LazyRows(len(known), rows)

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """The rows that start within the bounds, and those without a readable start."""
        first, last = _bounds(parameters)
        return [row for row in rows if _starts_within(row, first, last)]


def _described(
    charger: Charger, user: str, sessions: Sessions, which: Integers, stopped: Any
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
            "started_at": _moment(sessions.start_s[index]),
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
            row["stopped_at"] = _moment(sessions.stop_s[index])
            row["stop_reason"] = reason
        rows.append(row)
    return rows


def _moment(time_s: int) -> str:
    return dt.datetime.fromtimestamp(int(time_s), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _starts_within(row: Any, first: float, last: float) -> bool:
    started = row.get("started_at") if isinstance(row, Mapping) else None
    try:
        start_s = _parsed(started).timestamp()
    except (TypeError, ValueError):
        return True
    return first <= start_s <= last


def _bounds(parameters: Parameters) -> tuple[float, float]:
    """First and last start asked for. A date is its midnight in UTC, as the end too."""
    bounds = {"start_time": -np.inf, "end_time": np.inf}
    errors = {}
    for name in bounds:
        text = parameters.get(name)
        if text is None:
            continue
        try:
            bounds[name] = _parsed(text).timestamp()
        except (TypeError, ValueError):
            errors[name] = f"The {name.replace('_', ' ')} is not a valid date."
    if not errors and bounds["end_time"] < bounds["start_time"]:
        errors["end_time"] = "The end time must be a date after or equal to start time."
    if errors:
        raise ApiError.invalid(**errors)
    return bounds["start_time"], bounds["end_time"]


def _parsed(text: Any) -> dt.datetime:
    """A date or datetime; UTC where it says nothing else. Raises ``ValueError``, ``TypeError``."""
    if isinstance(text, str) and not _DAY.match(text):
        raise ValueError(text)
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
