"""Group days into requests of as many days as the endpoint accepts."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

import pyarrow as pa

from assets.framework.contract.day_range import DayRange
from givenergy.server_clock import utc_now
from warehouse.coverage import day_is_over_at

_DAY = timedelta(days=1)


def day_ranges_of(months: Iterable[pa.Table], days_per_request: int) -> Iterator[list[DayRange]]:
    """Group device-days into ranges, newest days first; only missing days are in a range.

    Args:
        months: Tables with `device_id` and `request_date`, one for each month, newest first.
        days_per_request: How many days one request may cover.

    Yields:
        The ranges that are final after each month; those that the previous month could extend
        are yielded later.
    """
    growing: dict[str, DayRange] = {}
    for states in months:
        ready = []
        ordered = states.sort_by([("request_date", "descending"), ("device_id", "ascending")])
        for device_id, day in zip(
            ordered["device_id"].to_pylist(), ordered["request_date"].to_pylist(), strict=True
        ):
            held = growing.get(device_id)
            if held is not None and held.first - _DAY == day and len(held) < days_per_request:
                growing[device_id] = DayRange(device_id, day, held.last)
                continue
            if held is not None:
                ready.append(held)
            growing[device_id] = DayRange(device_id, day, day)
        full = [day_range for day_range in growing.values() if len(day_range) >= days_per_request]
        for day_range in full:
            del growing[day_range.device_id]
        yield ready + full
    yield list(growing.values())


def covered_days(
    day_range: DayRange, day_rows: Sequence[int], zone: str
) -> tuple[DayRange, tuple[DayRange, ...]]:
    """Return the days that a response covers, and the ranges to request separately.

    The longest range for which the API returns data is not documented. Days without a row at either
    end of a response have no data or were cut off; only a separate request shows which. A day that
    is not over may be empty.
    """
    filled = [number for number, rows in enumerate(day_rows) if rows]
    if not filled:
        return day_range, ()
    start, stop = filled[0], filled[-1] + 1
    now = utc_now()
    days = day_range.days
    while stop < len(day_range) and day_is_over_at(days[stop], zone) > now:
        stop += 1
    uncovered = []
    if stop < len(day_range):
        uncovered.append(day_range.part(stop, len(day_range)))
    if start > 0:
        uncovered.append(day_range.part(0, start))
    return day_range.part(start, stop), tuple(uncovered)
