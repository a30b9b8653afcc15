"""Rows of energy flows: half hours by local time, and what groupings make of them.

Belongs here: what a request asks for, labels, which half hours are visible and revised, sums over
days, months, years. Does not belong here: the energy (``flow_energy``), how rows are wrapped
(``endpoints.energy_flows``).

Recorded: a range includes the half hour, day, … that begins at its end; in summer time the newest
hour is missing; the newest half hours are revised. Both days of a clock change are as the wall
clock goes: in spring two labels are missing, in autumn two come twice.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.answers import ApiError
from simulator.devices import Device
from simulator.flow_energy import HALF_HOUR_S, TYPES, FlowEnergy
from simulator.listings import Parameters
from simulator.local_time import DAY_S
from simulator.noise import one_uniform
from simulator.world import World

HALF_HOURLY, DAILY, MONTHLY, YEARLY, TOTAL = range(5)
REVISED_FOR_S = 48 * 3600
_LABEL = re.compile(r"\d{4}-\d{2}-\d{2}( \d{2}:\d{2})?", re.ASCII)
_FORMAT = "%Y-%m-%d %H:%M"
# How much of a label tells one period from the next.
_SIGNIFICANT = {HALF_HOURLY: 16, DAILY: 10, MONTHLY: 7, YEARLY: 4, TOTAL: 16}

Amounts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FlowWish:
    """What is asked for: labels "YYYY-MM-DD HH:MM" from ``start`` to ``end``, both included."""

    start: str
    end: str
    grouping: int
    types: tuple[int, ...]

    @classmethod
    def of(cls, parameters: Parameters) -> "FlowWish":
        """Raises ``ApiError`` 422 with an error for each field that is missing or wrong."""
        errors = {}
        labels = {}
        for name in ("start_time", "end_time"):
            said = name.replace("_", " ")
            if parameters.get(name) is None:
                errors[name] = f"The {said} field is required."
            elif label := _label(parameters[name]):
                labels[name] = label
            else:
                errors[name] = f"The {said} is not a valid date."
        if len(labels) == 2 and labels["end_time"] < labels["start_time"]:
            errors["end_time"] = "The end time must be a date after or equal to start time."
        grouping = parameters.get("grouping")
        if grouping is None:
            errors["grouping"] = "The grouping field is required."
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
        """Days from start to end, a begun one counted."""
        span = _moment(self.end) - _moment(self.start)
        return -(-int(span.total_seconds()) // DAY_S)

    def covers(self, label: str) -> bool:
        """Whether what begins at a label belongs to the answer."""
        length = _SIGNIFICANT[self.grouping]
        return self.start[:length] <= label[:length] <= self.end[:length]

    def period(self, label: str) -> tuple[str, str]:
        """First and last label of the period in which a label lies."""
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


class EnergyFlows:
    """The listing "energy-flows"; rows put in place of its own are half hours."""

    def __init__(self, world: World) -> None:
        """Shares the households of the data points."""
        self._world = world
        self._energy = FlowEnergy(world.config, world.households)

    def invented(self, device_id: str, parameters: Parameters) -> Sequence[Any]:
        """Rows in the order of time."""
        device = self._world.inverter(device_id)
        if device is None:
            raise KeyError(f"The simulator has no inverter {device_id!r}.")
        wish = FlowWish.of(parameters)
        now_s = self._world.now().timestamp()
        return _grouped(self._pieces(device, wish, now_s), wish)

    def selected(self, rows: Sequence[Any], parameters: Parameters) -> Sequence[Any]:
        """Half hours within the range, with the types asked for; for other groupings their sums."""
        wish = FlowWish.of(parameters)
        pieces = ((row["start_time"], row["end_time"], row["data"]) for row in rows)
        return _grouped((piece for piece in pieces if wish.covers(piece[0])), wish)

    def _pieces(
        self, device: Device, wish: FlowWish, now_s: float
    ) -> Iterator[tuple[str, str, Amounts]]:
        """Start, end and kWh by type: of half hours, or of whole days where these do as well."""
        zone = self._world.households.calendar.zone
        now = dt.datetime.fromtimestamp(now_s, zone)
        begin, end = (min(label, _written(now)) for label in (wish.start, wish.end))
        first = max(_moment(wish.period(begin)[0]).toordinal(), device.commissioned.toordinal())
        last = min(_moment(wish.period(end)[1]).toordinal(), now.toordinal())
        settled = dt.datetime.fromtimestamp(now_s - REVISED_FOR_S - DAY_S, zone).toordinal()
        for ordinal in range(first, last + 1):
            midnight = f"{dt.date.fromordinal(ordinal)} 00:00"
            cut = wish.grouping == TOTAL and midnight[:10] in (wish.start[:10], wish.end[:10])
            if wish.grouping == HALF_HOURLY or ordinal >= settled or cut:
                for piece in self._half_hours(device, ordinal, now_s):
                    if wish.covers(piece[0]):
                        yield piece
            elif wish.covers(midnight):
                sums = self._energy.day(device, ordinal).tolist()
                if sums[0] == sums[0]:  # not NaN
                    yield midnight, "", {str(code): sums[code] for code in TYPES}

    def _half_hours(
        self, device: Device, ordinal: int, now_s: float
    ) -> Iterator[tuple[str, str, Amounts]]:
        """What is visible of a local day."""
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
        """Start and end by the wall clock, end in UTC seconds, how much later it is shown."""
        calendar = self._world.households.calendar
        span = calendar.span(ordinal)
        begin = dt.datetime.fromtimestamp(span.start_s, calendar.zone)
        for end_s in range(span.start_s + HALF_HOUR_S, span.end_s + 1, HALF_HOUR_S):
            end = dt.datetime.fromtimestamp(end_s, calendar.zone)
            summer_s = int((begin.dst() or dt.timedelta()).total_seconds())
            yield _written(begin), _written(end), end_s, max(summer_s, 0)
            begin = end

    def _is_provisional(self, device: Device, end_s: int, now_s: float) -> bool:
        """Whether a half hour, over for less than two days, still has a value to be revised."""
        seed, serial = self._world.config.seed, device.serial
        if one_uniform("flow revised", seed, serial, end_s) >= 0.25:
            return False
        age = one_uniform("flow revised at", seed, serial, end_s)
        return now_s < end_s + 7200 + age * (REVISED_FOR_S - 7200)


def _grouped(pieces: Iterator[tuple[str, str, Amounts]], wish: FlowWish) -> list[dict[str, Any]]:
    codes = [str(code) for code in wish.types]
    if wish.grouping == HALF_HOURLY:
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
        sums = periods.setdefault(wish.period(label), dict.fromkeys(codes, 0))
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
    """Whole numbers as integers, as the real API writes them."""
    return int(amount) if isinstance(amount, float) and amount.is_integer() else amount


def _label(text: object) -> str | None:
    """A date or local time as a full label; None for anything else."""
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
