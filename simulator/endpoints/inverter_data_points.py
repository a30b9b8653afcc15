"""GET /inverter/{serial}/data-points/{date} (contract, "Get Data Points"): a whole day of points.

Recorded: a ``pageSize`` of 100000 is honoured; a day without data is 200 with an empty list; the
date is a local day, for a Gateway a UTC day.
"""

import datetime as dt
import re

from simulator.answers import Answer, ApiError
from simulator.endpoints import Call, Endpoint
from simulator.paging import PageWish, page_body

LISTING = "data-points"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _day(call: Call) -> Answer:
    device = call.inverter_with_data()
    date = _date(call.parameters["date"])
    wish = PageWish.of(call.request.query, call.world.config.page_size_cap(LISTING))
    world = call.world
    now = world.now()
    content = world.days.content(device, date, now)

    def body() -> bytes:
        day = world.days.day(device, date, now)
        if day.recorded is not None and wish.number == 1 and wish.size >= content.rows:
            return day.recorded
        return page_body(day.at(now.timestamp()), wish, call.url)

    packed = call.request.accepts_gzip and world.config.gzip
    return world.cached((LISTING, device.serial, date, content, wish, call.url), packed, body)


def _date(text: str) -> dt.date:
    try:
        # Only this one of the ISO forms that the library takes.
        return dt.date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        raise ApiError.invalid(date="The date is not a valid date.") from None


ENDPOINTS = (
    Endpoint(
        "GET", "/inverter/{serial}/data-points/{date}", "api:inverter:data", _day, name=LISTING
    ),
)
