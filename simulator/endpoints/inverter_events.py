"""GET /inverter/{serial}/events (contract, "Get Events"): newest first.

What `cleared` means is not certain; `events_cleared_means` in the settings chooses.
"""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.framework.parameters import is_no_date
from simulator.http.messages import ApiError, HttpResponse
from simulator.seeded_random import Integers, key_of, uniform
from simulator.world.installations import SimulatedDevice
from simulator.world.local_calendar import DAY_S, EPOCH_ORDINAL, utc_text

LISTING = "events"
NAMES = (
    "Parallel communication failure",
    "PV Over Voltage",
    "Grid Voltage Too High",
    "Grid Frequency Out Of Range",
    "Battery Temperature Too Low",
    "Inverter Too Hot",
)
_BUCKET_DAYS = 30
_MOST_IN_BUCKET = 6
_SHARES = (0.7, 0.92, 0.98)
_LENGTHS_S = np.array([120, 7_200, 3 * DAY_S, 12 * DAY_S, 70 * DAY_S])
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}Z)?", re.ASCII)
# What the framework of the API accepts as a boolean: "true" and "false" as text are invalid.
_BOOLEANS: dict[object, bool] = {None: False, "": False, "0": False, "1": True, 0: False, 1: True}
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class EventListing(SimulatedListing):
    """Newest first, with the filters `start`, `end` and `cleared`."""

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return the events begun by now; those not over by now have no end."""
        device = self.state.inverter(device_id)
        return self.select(self._rows(device), parameters)

    def select(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """Return the events begun within the range that are open or cleared as requested."""
        start, end, cleared = _filters(parameters)
        meaning = self.state.config.events_cleared_means
        return [
            row
            for row in rows
            if (start is None or row["start_time"] >= start)
            and (end is None or row["start_time"] <= end)
            and _is_selected(row["end_time"] is not None, cleared, meaning)
        ]

    def _rows(self, device: SimulatedDevice) -> list[dict[str, Any]]:
        now_s = self.state.now().timestamp()
        spans = _spans(key_of("events", self.state.config.seed, device.serial), device, now_s)
        spans.sort(key=lambda span: span[0], reverse=True)
        return [
            {
                "event": name,
                "start_time": utc_text(start_s),
                "end_time": None if end_s > now_s else utc_text(end_s),
            }
            for start_s, end_s, name in spans
        ]


def _spans(key: int, device: SimulatedDevice, now_s: float) -> list[tuple[int, int, str]]:
    """Return start, end and name of each event, which depend on the device's own key only."""
    installed_s = (device.commissioned.toordinal() - EPOCH_ORDINAL) * DAY_S
    length_s = _BUCKET_DAYS * DAY_S
    buckets = np.arange(installed_s // length_s, max(int(now_s), installed_s) // length_s + 1)
    counts = (_MOST_IN_BUCKET * uniform(key, buckets)).astype(np.int64)
    places = np.arange(_MOST_IN_BUCKET)
    number = (buckets[:, None] * _MOST_IN_BUCKET + places)[places < counts[:, None]]
    starts = number // _MOST_IN_BUCKET * length_s + (length_s * uniform(key + 1, number)).astype(
        np.int64
    )
    inside = (starts >= installed_s) & (starts <= now_s)
    number, starts = number[inside], starts[inside]
    ends = starts + _lengths_s(key + 2, number)
    names = (len(NAMES) * uniform(key + 4, number)).astype(np.int64)
    doubled = uniform(key + 5, number) < 0.2
    spans: list[tuple[int, int, str]] = []
    for start, end, name, second in zip(
        starts.tolist(), ends.tolist(), names.tolist(), doubled.tolist(), strict=True
    ):
        spans.append((start, end, NAMES[name]))
        if second:
            spans.append((start, end + name * 60, NAMES[(name + 1) % len(NAMES)]))
    return spans


def _lengths_s(key: int, number: Integers) -> Integers:
    """Return durations: most within two hours, some of days, a few of weeks."""
    kind = np.searchsorted(_SHARES, uniform(key, number), side="right")
    shortest, longest = _LENGTHS_S[kind], _LENGTHS_S[kind + 1]
    lengths: Integers = shortest + ((longest - shortest) * uniform(key + 1, number)).astype(
        np.int64
    )
    return lengths


def _is_selected(is_cleared: bool, wanted: bool, meaning: str) -> bool:
    if meaning == "ignored":
        return True
    if not wanted:
        return not is_cleared
    return is_cleared or meaning == "adds"


def _filters(parameters: Parameters) -> tuple[str | None, str | None, bool]:
    """Return first and last moment of a start, and `cleared`. Raises `ApiError` 422."""
    errors = {}
    moments: dict[str, str | None] = {"start": None, "end": None}
    for name in moments:
        given = parameters.get(name)
        if given in (None, ""):
            continue
        try:
            moments[name] = _moment(str(given))
        except ValueError:
            errors[name] = is_no_date(name)
    start, end = moments["start"], moments["end"]
    if start is not None and end is not None and end < start:
        errors["end"] = "The end must be a date after or equal to start."
    given = parameters.get("cleared")
    cleared = None if isinstance(given, list | dict) else _BOOLEANS.get(given)
    if cleared is None:
        errors["cleared"] = "The cleared field must be true or false."
    if errors:
        raise ApiError.invalid(**errors)
    return start, end, bool(cleared)


def _moment(text: str) -> str:
    """Return a date or moment (UTC) as rows have it; a date is its first second."""
    if not _MOMENT.fullmatch(text):
        raise ValueError(text)
    full = text if "T" in text else f"{text}T00:00:00Z"
    dt.datetime.strptime(full, _FORMAT)
    return full


def _new_event(now: dt.datetime) -> dict[str, Any]:
    """Return a fault that begins now and stays."""
    return {"event": NAMES[0], "start_time": utc_text(now.timestamp()), "end_time": None}


def _list(call: ApiCall) -> HttpResponse:
    device = call.inverter_with_data()
    if call.state.is_shift_due(LISTING):
        call.listings.insert(LISTING, device.serial, _new_event(call.state.now()))
    return call.page(LISTING, device.serial, **call.filters("start", "end", "cleared"))


LISTINGS = {LISTING: EventListing}
ENDPOINTS = (
    ApiEndpoint("GET", "/inverter/{serial}/events", "api:inverter:data", _list, name=LISTING),
)
