"""Tariff scheduler slots: the times that the vendor's scheduler has planned, by the tariff.

Source: version 1.53 of the API, which does not document the leaves: `extra_fields` has them as
sent, except those that could identify the customer of the tariff
([personal data](../docs/personal-data.md)).

Grain: account, day and slot, with history.

Requests: three a day, each for one day, so that a list shows which slots of it are gone; and the
history, see `tariff_automation`. Each ends with the day after, in case the API excludes the last
day; of the answer, slots that begin on another day are left out.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from assets.framework import Request, Rows, remove_rows, told
from assets.tariff_automation import STARTS, SlotsOfDays, date_or_fetched, slot_table
from givenergy.endpoints.tariff_endpoints import TARIFF_SCHEDULER_SLOTS
from warehouse.archive import ArchivedResponse


class TariffSchedulerSlots(SlotsOfDays):
    """The dataset; see the module's docstring."""

    name = "tariff_scheduler_slots"
    endpoint = TARIFF_SCHEDULER_SLOTS
    output_tables = (
        slot_table(
            "tariff_scheduler_slots",
            "The slots that the vendor's scheduler planned, one row per slot and version.",
        ),
    )

    def request_of(self, day: date, *, may_lack: bool) -> Request:
        """Return the request for a day."""
        # Nobody documents whether the last day is included.
        text, end = day.isoformat(), (day + timedelta(days=1)).isoformat()
        return Request(query={"start_date": text, "end_date": end}, label=text, may_lack=may_lack)

    def day_of(self, response: ArchivedResponse) -> date:
        """Return the day in the parameters."""
        return date_or_fetched(
            msgspec.json.decode(response.params or "{}").get("start_date"), response
        )

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response, without the slots that begin on another day."""
        day, zone = self.day_of(response), ZoneInfo(response.request_zone or "UTC")
        # A response that was saved without its parameters can be of any day.
        if "start_date" in msgspec.json.decode(response.params or "{}"):
            days = told(rows, STARTS, lambda value: _days_of(value, zone))
            others = [index for index, of_row in enumerate(days) if of_row and day not in of_row]
            remove_rows(rows, others)
        return super().columns(rows, response)


def _days_of(value: object, zone: ZoneInfo) -> frozenset[date] | None:
    """Return the days that a time can be of, as nobody documents in which zone the API has days."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if time is None:
        return None
    zones = (UTC, zone) if time.tzinfo else ()
    return frozenset((time.date(), *(time.astimezone(each).date() for each in zones)))


DATASET = TariffSchedulerSlots()
