"""Tariff scheduler slots: the times that the vendor's scheduler has planned, by the tariff.

Source: version 1.53 of the API, which does not document the leaves: `extra_fields` has them as
sent, except those that could identify the customer of the tariff
([personal data](../docs/personal-data.md)).

Grain: day and slot, with history.

Requests: three a day, each for one day, so that a list shows which slots of it are gone; and the
history, see `tariff_automation`.
"""

from datetime import date

import msgspec

from assets.framework import Request
from assets.tariff_automation import SlotsOfDays, date_or_fetched, slot_table
from givenergy.endpoints.tariff_endpoints import TARIFF_SCHEDULER_SLOTS
from warehouse import ArchivedResponse


class TariffSchedulerSlots(SlotsOfDays):
    """The dataset; see the module's docstring."""

    name = "tariff_scheduler_slots"
    endpoint = TARIFF_SCHEDULER_SLOTS
    output_tables = (
        slot_table(
            "tariff_scheduler_slots",
            "The slots that the vendor's scheduler planned, one row per item and version.",
        ),
    )

    def request_of(self, day: date, *, may_lack: bool) -> Request:
        """Return the request for a day."""
        text = day.isoformat()
        return Request(query={"start_date": text, "end_date": text}, label=text, may_lack=may_lack)

    def day_of(self, response: ArchivedResponse) -> date:
        """Return the day in the parameters."""
        return date_or_fetched(
            msgspec.json.decode(response.params or "{}").get("start_date"), response
        )


DATASET = TariffSchedulerSlots()
