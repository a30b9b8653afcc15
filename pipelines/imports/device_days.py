"""Which day a saved row is of, and whether the saved rows of a day are all of them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from assets.energy_flows import DATASET as ENERGY_FLOWS
from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.devices import EARLIEST_DATA
from assets.framework.contract.requested_time import latest_believable
from givenergy.server_clock import utc_now
from pipelines.imports.saved_values import SavedValue

# How many bytes of rows are held until their days are complete.
_HELD_BYTES = 64 << 20
# How long before its end the rows of a whole day may end; ten minutes without one are common.
_END_MARGIN = timedelta(minutes=30)


@dataclass(slots=True)
class DayRows:
    """Rows of a day of one device, as JSON.

    Attributes:
        day: The day.
        rows: Its rows, in the order of the file.
        counted: How many of them are of the day itself.
        newest: The time of the newest one, UTC.
    """

    day: date
    rows: list[bytes] = field(default_factory=list)
    counted: int = 0
    newest: datetime | None = None

    @property
    def body(self) -> bytes:
        """The rows as the API sends them."""
        return b'{"data":[' + b",".join(self.rows) + b"]}"


class DaySplitter:
    """Sorts the rows of a list without an address by day; most lists have the days in order.

    Attributes:
        dataset: Dataset of the rows.
        device_id: Their device.
        saved_at: When they were fetched, as far as that is known.
    """

    def __init__(
        self, dataset: DailyDataset, device_id: str, zone: str, saved_at: datetime
    ) -> None:
        """Start without rows; `zone` is the IANA time zone of the days."""
        self.dataset = dataset
        self.device_id = device_id
        self.saved_at = saved_at
        self._time_of = time_of(dataset, zone)
        self._zone = ZoneInfo(zone)
        # The day that was added to last is the last one.
        self._days: dict[date, DayRows] = {}
        self._held_bytes = 0
        # Rows before the first one with a time: no table can have them, but the quarantine can.
        self._timeless: list[bytes] = []
        self._includes_end = dataset is ENERGY_FLOWS

    def add(self, row: SavedValue) -> Iterator[DayRows]:
        """Add a row; yield days for which there is no room any more.

        Raises:
            DamagedJsonError: It is no valid JSON.
        """
        raw = row.compact()
        moment = self._time_of(row.value)
        if moment is None and not self._days:
            self._timeless.append(raw)
            return
        day = next(reversed(self._days)) if moment is None else _day(moment, self._zone)
        rows = self._days.pop(day, None) or DayRows(day)
        self._days[day] = rows
        rows.rows += [*self._timeless, raw]
        self._timeless = []
        rows.counted += 1
        rows.newest = max(filter(None, (rows.newest, moment)), default=None)
        self._held_bytes += len(raw)
        while self._held_bytes > _HELD_BYTES and len(self._days) > 1:
            yield self._first()

    def finish(self) -> Iterator[DayRows]:
        """Yield the other days."""
        if self._includes_end:
            self._join_ends()
        while self._days:
            yield self._first()

    def _first(self) -> DayRows:
        rows = self._days.pop(next(iter(self._days)))
        self._held_bytes -= sum(map(len, rows.rows))
        return rows

    def _join_ends(self) -> None:
        """Give the half hour that begins at the end of a day to the answer that it came with."""
        for day in [*self._days]:
            alone = self._days[day]
            before = self._days.get(day - timedelta(days=1))
            if len(alone.rows) == 1 and before is not None and b" 00:00" in alone.rows[0][:64]:
                before.rows += alone.rows
                del self._days[day]


def time_of(dataset: DailyDataset, zone: str) -> Callable[[Any], datetime | None]:
    """Return a function for the time of a row, UTC; None if it has none that can be true."""
    name = "start_time" if dataset is ENERGY_FLOWS else "time"
    local = ZoneInfo(zone) if dataset is ENERGY_FLOWS else None
    latest = latest_believable(utc_now())

    def read(row: Any) -> datetime | None:
        text = row.get(name) if isinstance(row, Mapping) else None
        try:
            moment = datetime.fromisoformat(text) if isinstance(text, str) else None
            if moment is None or (moment.tzinfo is None) != (local is not None):
                return None
            moment = (moment if local is None else moment.replace(tzinfo=local)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        return moment if EARLIEST_DATA <= moment <= latest else None

    return read


def only_day(times: Sequence[datetime], zone: str) -> date | None:
    """Return the day of all times in a zone, or in UTC; None if they are of several days.

    An ordinary inverter is requested by local days, a Gateway by UTC days.
    """
    for of_zone in (ZoneInfo(zone), UTC):
        days = {_day(each, of_zone) for each in (min(times), max(times))} if times else set()
        if len(days) == 1:
            return days.pop()
    return None


class DayKind(Enum):
    """Which days of a device the API selects by a date."""

    LOCAL = "local days"
    UTC = "UTC days"


def kinds_of_day(times: Sequence[datetime], day: date, zone: str) -> frozenset[DayKind]:
    """Return of which kind a day can be, given the times of its rows: often of either.

    Args:
        times: Times of the rows, UTC.
        day: The day requested.
        zone: IANA time zone of local days.
    """
    fitting = set()
    for kind, of_zone in ((DayKind.LOCAL, ZoneInfo(zone)), (DayKind.UTC, UTC)):
        start, end = _bounds(day, of_zone)
        if times and start <= min(times) and max(times) < end:
            fitting.add(kind)
    return frozenset(fitting)


def why_not_whole(
    times: Sequence[datetime], day: date, zone: str, kinds: Collection[DayKind]
) -> str | None:
    """Return why the rows of a day may not be all of it although their number is right.

    A day that was saved while it lasted has as many rows as the API had then.

    Args:
        times: Times of the rows, UTC.
        day: The day requested.
        zone: IANA time zone of local days.
        kinds: Of which kind the day can be: the rows must reach the end of each.
    """
    if not times:
        return "no row has a time"
    if not kinds:
        return "there are rows of other days"
    zones = {DayKind.LOCAL: ZoneInfo(zone), DayKind.UTC: UTC}
    end = max(_bounds(day, zones[kind])[1] for kind in kinds)
    if max(times) >= end - _END_MARGIN:
        return None
    last = f"{max(times).astimezone(ZoneInfo(zone)):%H:%M}"
    if len(kinds) > 1 and why_not_whole(times, day, zone, [DayKind.LOCAL]) is None:
        return f"rows end at {last}, and whether its days are local or UTC is not known"
    return f"rows end at {last}"


def _bounds(day: date, zone: ZoneInfo | Any) -> tuple[datetime, datetime]:
    start, end = (
        datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + timedelta(1))
    )
    return start, end


def _day(moment: datetime, zone: Any) -> date:
    return moment.astimezone(zone).date()
