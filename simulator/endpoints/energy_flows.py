"""POST /inverter/{serial}/energy-flows (contract, "Energy Flow Data"): a POST that only reads.

Recorded: `data` is an object keyed "0", "1", …; neither `links` nor `meta`. A range includes the
half hour, day, … that begins at its end; in summer time the newest hour is missing; the newest half
hours are revised. On the days of a clock change labels follow local time: in spring two labels are
missing, in autumn two come twice.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import Parameters, SimulatedListing
from simulator.framework.parameters import END_BEFORE_START, is_no_date, is_required
from simulator.http.messages import ApiError, HttpResponse
from simulator.seeded_random import uniform_of
from simulator.world import anomalies
from simulator.world.cloud_state import CloudState
from simulator.world.energy_flow_split import HALF_HOUR_S, TYPES, EnergyFlowSplit
from simulator.world.installations import SimulatedDevice
from simulator.world.local_calendar import DAY_S

LISTING = "energy-flows"
_FIELDS = ("start_time", "end_time", "grouping", "types")
HALF_HOURLY, DAILY, MONTHLY, YEARLY, TOTAL = range(5)
REVISED_FOR_S = 48 * 3600
_LABEL = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2})?", re.ASCII)
_FORMAT = "%Y-%m-%d %H:%M"
# The length of the part of a label that identifies its period.
_SIGNIFICANT = {HALF_HOURLY: 16, DAILY: 10, MONTHLY: 7, YEARLY: 4, TOTAL: 16}

Amounts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FlowRequest:
    """A request's fields: labels "YYYY-MM-DD HH:MM" from `start` to `end`, both included."""

    start: str
    end: str
    grouping: int
    types: tuple[int, ...]

    @classmethod
    def of(cls, parameters: Parameters) -> "FlowRequest":
        """Parse a body's fields. Raises `ApiError` 422 with an error for each invalid one."""
        errors = {}
        labels = {}
        for name in ("start_time", "end_time"):
            if parameters.get(name) is None:
                errors[name] = is_required(name)
            elif label := _label(parameters[name]):
                labels[name] = label
            else:
                errors[name] = is_no_date(name)
        if len(labels) == 2 and labels["end_time"] < labels["start_time"]:
            errors["end_time"] = END_BEFORE_START
        grouping = parameters.get("grouping")
        if grouping is None:
            errors["grouping"] = is_required("grouping")
        elif not _is_code(grouping, range(5)):
            errors["grouping"] = "The selected grouping is invalid."
        types = parameters.get("types")
        if types is not None and not isinstance(types, list | tuple):
            errors["types"] = "The types must be an array."
        for position, code in enumerate(types or () if "types" not in errors else ()):
            if not _is_code(code, TYPES):
                errors[f"types.{position}"] = f"The selected types.{position} is invalid."
        if errors:
            raise ApiError.invalid(**errors)
        return cls(
            labels["start_time"], labels["end_time"], int(str(grouping)), tuple(types or TYPES)
        )

    @property
    def days(self) -> int:
        """The number of days from start to end, begun ones included."""
        span = _moment(self.end) - _moment(self.start)
        return -(-int(span.total_seconds()) // DAY_S)

    def covers(self, label: str) -> bool:
        """Return whether what begins at a label belongs to the response."""
        length = _SIGNIFICANT[self.grouping]
        return self.start[:length] <= label[:length] <= self.end[:length]

    def period(self, label: str) -> tuple[str, str]:
        """Return first and last label of the period in which a label lies."""
        if self.grouping in (HALF_HOURLY, TOTAL):
            return self.start, self.end
        year, month, day = int(label[:4]), int(label[5:7]), int(label[8:10])
        if self.grouping == DAILY:
            begin = dt.date(year, month, day)
            end = begin + dt.timedelta(days=1)
        elif self.grouping == MONTHLY:
            begin = dt.date(year, month, 1)
            end = dt.date(year + month // 12, month % 12 + 1, 1)
        else:
            begin, end = dt.date(year, 1, 1), dt.date(year + 1, 1, 1)
        return f"{begin} 00:00", f"{end} 00:00"


class EnergyFlowListing(SimulatedListing):
    """Energy flows of an inverter; rows that replace the generated ones are half hours."""

    def __init__(self, state: CloudState) -> None:
        """Share the households of the data points."""
        super().__init__(state)
        self._energy = EnergyFlowSplit(state.config, state.households)

    def generate(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Return rows in the order of time."""
        device = self.state.inverter(device_id)
        request = FlowRequest.of(parameters)
        now_s = self.state.now().timestamp()
        return _grouped(self._pieces(device, request, now_s), request)

    def select(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """Return half hours of the range with the requested types, or their sums by period."""
        request = FlowRequest.of(parameters)
        pieces = ((row["start_time"], row["end_time"], row["data"]) for row in rows)
        return _grouped((piece for piece in pieces if request.covers(piece[0])), request)

    def _pieces(
        self, device: SimulatedDevice, request: FlowRequest, now_s: float
    ) -> Iterator[tuple[str, str, Amounts]]:
        """Return start, end and kWh by type, of half hours or, where they suffice, whole days."""
        zone = self.state.households.calendar.zone
        now = dt.datetime.fromtimestamp(now_s, zone)
        begin, end = (min(label, _written(now)) for label in (request.start, request.end))
        first = max(_moment(request.period(begin)[0]).toordinal(), device.commissioned.toordinal())
        last = min(_moment(request.period(end)[1]).toordinal(), now.toordinal())
        settled = dt.datetime.fromtimestamp(now_s - REVISED_FOR_S - DAY_S, zone).toordinal()
        for ordinal in range(first, last + 1):
            midnight = f"{dt.date.fromordinal(ordinal)} 00:00"
            cut = request.grouping == TOTAL and midnight[:10] in (
                request.start[:10],
                request.end[:10],
            )
            if request.grouping == HALF_HOURLY or ordinal >= settled or cut:
                for piece in self._half_hours(device, ordinal, now_s):
                    if request.covers(piece[0]):
                        yield piece
            elif request.covers(midnight):
                sums = self._energy.day(device, ordinal).tolist()
                if sums[0] == sums[0]:  # not NaN
                    yield midnight, "", {str(code): sums[code] for code in TYPES}

    def _half_hours(
        self, device: SimulatedDevice, ordinal: int, now_s: float
    ) -> Iterator[tuple[str, str, Amounts]]:
        """Return the visible half hours of a local day."""
        rows = self._energy.half_hours(device, ordinal).tolist()
        for slot, (start, end, end_s, delay_s) in enumerate(self._labels(ordinal)):
            if end_s + delay_s > now_s:
                return
            amounts = rows[slot]
            if amounts[0] != amounts[0]:  # NaN
                continue
            if now_s < end_s + REVISED_FOR_S and self._is_provisional(device, end_s, now_s):
                amounts = [round(amount * 100) * 3 // 4 / 100 for amount in amounts]
            yield start, end, {str(code): amounts[code] for code in TYPES}

    def _labels(self, ordinal: int) -> Iterator[tuple[str, str, int, int]]:
        """Return start and end in local time, end in UTC seconds, and seconds until it is shown."""
        calendar = self.state.households.calendar
        span = calendar.span(ordinal)
        begin = dt.datetime.fromtimestamp(span.start_s, calendar.zone)
        for end_s in range(span.start_s + HALF_HOUR_S, span.end_s + 1, HALF_HOUR_S):
            end = dt.datetime.fromtimestamp(end_s, calendar.zone)
            summer_s = int((begin.dst() or dt.timedelta()).total_seconds())
            yield _written(begin), _written(end), end_s, max(summer_s, 0)
            begin = end

    def _is_provisional(self, device: SimulatedDevice, end_s: int, now_s: float) -> bool:
        """Return whether a half hour, over for less than two days, will still be revised."""
        seed, serial = self.state.config.seed, device.serial
        if uniform_of("flow revised", seed, serial, end_s) >= 0.25:
            return False
        age = uniform_of("flow revised at", seed, serial, end_s)
        return now_s < end_s + 7200 + age * (REVISED_FOR_S - 7200)


def _grouped(
    pieces: Iterator[tuple[str, str, Amounts]], request: FlowRequest
) -> list[dict[str, Any]]:
    codes = [str(code) for code in request.types]
    if request.grouping == HALF_HOURLY:
        return [
            {
                "start_time": start,
                "end_time": end,
                "data": {code: _number(kwh[code]) for code in codes if code in kwh},
            }
            for start, end, kwh in pieces
        ]
    periods: dict[tuple[str, str], dict[str, Any]] = {}
    for label, _, kwh in pieces:
        sums = periods.setdefault(request.period(label), dict.fromkeys(codes, 0))
        for code in codes:
            amount = kwh.get(code)
            if isinstance(amount, int | float):
                sums[code] += amount
    return [
        {
            "start_time": start,
            "end_time": end,
            "data": {code: _number(amount) for code, amount in sums.items()},
        }
        for (start, end), sums in periods.items()
    ]


def _number(amount: Any) -> Any:
    """Return whole numbers as integers, as the real API writes them."""
    return int(amount) if isinstance(amount, float) and amount.is_integer() else amount


def _label(text: object) -> str | None:
    """Return a date or local time as a full label; None for anything else."""
    if not isinstance(text, str) or not _LABEL.fullmatch(text):
        return None
    label = text if " " in text else f"{text} 00:00"
    try:
        _moment(label)
    except ValueError:
        return None
    return label


def _written(moment: dt.datetime) -> str:
    return moment.isoformat(" ", "minutes")[:16]


def _moment(label: str) -> dt.datetime:
    return dt.datetime.strptime(label, _FORMAT)


def _is_code(value: object, codes: range) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in codes


def _flows(call: ApiCall) -> HttpResponse:
    device = call.inverter_with_data()
    config = call.state.config
    body = call.request.json_object()
    fields = {name: body[name] for name in _FIELDS if name in body}
    request = FlowRequest.of(fields)
    if config.flows_max_days is not None and request.days > config.flows_max_days:
        raise ApiError.invalid(
            end_time=f"The end time must be within {config.flows_max_days} days of start time."
        )
    rows = call.listings.rows(LISTING, device.serial, **fields)
    if config.flows_as == "array":
        return call.json({"data": rows}, as_text=True)
    keyed = {str(position): row for position, row in enumerate(rows)}
    identity = (config.seed, device.serial, *fields.values())
    if anomalies.is_hit(config.anomalies, "flow_keys_unsorted", *identity):
        keyed = dict(sorted(keyed.items()))
    return call.json({"data": keyed}, as_text=True)


LISTINGS = {LISTING: EnergyFlowListing}
ENDPOINTS = (
    ApiEndpoint(
        "POST", "/inverter/{serial}/energy-flows", "api:inverter:data", _flows, name=LISTING
    ),
)
