"""GET /inverter/{serial}/data-points/{date} (contract, "Get Data Points"): a whole day of points.

Recorded: a `pageSize` of 100000 is honoured; a day without data is 200 with an empty list; the
date is a local day, for a Gateway a UTC day.
"""

import datetime as dt
import re

from simulator.framework.endpoint import ApiCall, ApiEndpoint
from simulator.framework.listings import SimulatedListing
from simulator.framework.page_envelope import PageRequest, page_body
from simulator.http.messages import ApiError, HttpResponse

LISTING = "data-points"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _day(call: ApiCall) -> HttpResponse:
    device = call.inverter_with_data()
    date = _date(call.parameters["date"])
    state = call.state
    page = PageRequest.of(call.request.query, state.config.page_size_cap(LISTING))
    now = state.now()
    version = state.days.version(device, date, now)

    def body() -> bytes:
        day = state.days.day(device, date, now)
        if day.recorded is not None and page.number == 1 and page.size >= version.rows:
            return day.recorded
        return page_body(day.visible_at(now.timestamp()), page, call.url)

    compress = call.request.accepts_gzip and state.config.gzip
    key = (LISTING, device.serial, date, version, page, call.url)
    content = state.cached_body(key, body, compress=compress)
    return HttpResponse(200, b"", compressed=content) if compress else HttpResponse(200, content)


def _date(text: str) -> dt.date:
    try:
        # Only this one of the ISO forms that the library accepts.
        return dt.date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        raise ApiError.invalid(date="The date is not a valid date.") from None


LISTINGS: dict[str, type[SimulatedListing]] = {}
ENDPOINTS = (
    ApiEndpoint(
        "GET", "/inverter/{serial}/data-points/{date}", "api:inverter:data", _day, name=LISTING
    ),
)
