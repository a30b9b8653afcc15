"""Tariff automation: what the vendor's scheduler did on each day, by the account's tariff.

Source: version 1.53 of the API, which does not document the leaves: `extra_fields` has them as
sent, except those that could identify the customer of the tariff
([personal data](../docs/personal-data.md)).

Grain: account, day and slot, with history. An answer that has no list of slots is one row.

Requests: three a day, for today and the two days before: what is asked of a day before another
whole day has passed is not final. The history is read 28 days at a time, from the day after the
first answer on, until seven days in a row have nothing or are refused. An account without a tariff
is asked for yesterday alone, and weekly.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from assets.framework import (
    EARLIEST_DATA,
    TIME_UTC,
    Cadence,
    KnownState,
    Request,
    ResponseShape,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
    Undocumented,
    as_name,
    as_time,
    column,
    history_columns,
    instant,
    local_day,
    names_of,
    number,
    number_of,
    read_sql,
    table_schema,
    text,
    told,
    versioned_columns,
    versioned_fields,
)
from givenergy.endpoints.tariff_endpoints import TARIFF_AUTOMATION
from warehouse.archive import ArchivedResponse

_DAY = timedelta(days=1)
# Days of history that are requested at once.
_MOST_DAYS = 28
# Days in a row without anything, before which nothing is expected.
_EMPTY_DAYS = 7
STARTS = ("start_time", "start_at", "start", "valid_from", "from")
_ENDS = ("end_time", "end_at", "end", "valid_to", "to")
_ACTIONS = ("action", "mode", "type", "state", "status")
_PRICES = ("import_price", "price", "unit_rate", "rate")


def _leaf(names: tuple[str, ...]) -> str:
    return f"From the first of {', '.join(f'`{name}`' for name in names)}."


def slot_table(name: str, description: str) -> Table:
    """Describe a table of slots of days."""
    return Table(
        name=name,
        description=description,
        schema=table_schema(
            {
                "account": text("Account", "The account as an opaque key.", nullable=False),
                "date": column(
                    pa.date32(), "Day", "Day of the request, as the API has days.", nullable=False
                ),
                "slot": text(
                    "Slot",
                    f"What identifies it in its day. {_leaf((*STARTS, 'key', 'id'))} It is the"
                    " first that differs between all slots of the day, else its position.",
                    nullable=False,
                ),
                "start_at": instant(
                    "Start (UTC)", f"{_leaf(STARTS)} Null if it has no offset from UTC."
                ),
                "end_at": instant(
                    "End (UTC)", f"{_leaf(_ENDS)} Null if it has no offset from UTC."
                ),
                "action": text("Action", _leaf(_ACTIONS)),
                "price": number("Price", f"{_leaf(_PRICES)} Its unit is not documented."),
                **versioned_fields(),
                **history_columns(),
            }
        ),
        key=("account", "date", "slot"),
        unversioned_columns=("extra_fields",),
    )


class SlotsOfDays(RowByRow, SnapshotDataset):
    """What the scheduler did or does, requested by day of the account."""

    version = 1
    group = "accounts"
    row_type = Undocumented
    shape = ResponseShape.OPEN_LIST
    cadence = Cadence.DAILY
    optional = True
    lacks_days = True

    @abstractmethod
    def request_of(self, day: date, *, may_lack: bool) -> Request:
        """Return the request for a day, which the API may lack by itself."""

    @abstractmethod
    def day_of(self, response: ArchivedResponse) -> date:
        """Return the day that was requested."""

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request today and yesterday, and some of the days before that are not final yet."""
        today = local_day(state.now, state.zone)
        known = {
            row["day"]: row
            for row in state.rows(
                read_sql("tariff_days_known"), dataset=self.name, account=state.account
            )
        }
        if not any(row["is_answered"] for row in known.values()):
            # There may be nothing of today yet.
            yield self.request_of(today - _DAY, may_lack=False)
            return
        final = {day: row for day, row in known.items() if row["is_final"]}
        # Yesterday comes after today: the newest result shows whether the dataset is settled.
        days = [today, today - _DAY]
        day, empty = today - 2 * _DAY, 0
        while len(days) < 2 + _MOST_DAYS and empty < _EMPTY_DAYS and day >= EARLIEST_DATA.date():
            if day not in final:
                days.append(day)
            empty = 0 if day not in final or final[day]["has_rows"] else empty + 1
            day -= _DAY
        for day in days:
            yield self.request_of(day, may_lack=True)

    def listed_by(self, response: ArchivedResponse) -> str:
        """Return account and day: an answer covers only this day."""
        return f"{response.account} {self.day_of(response)}"

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        day = pa.scalar(self.day_of(response), pa.date32())
        return {
            "account": pa.repeat(pa.scalar(response.account), len(rows.values)),
            "date": pa.repeat(day, len(rows.values)),
            "slot": pa.array(names_of(rows, (*STARTS, "key", "id")), pa.string()),
            "start_at": pa.array(told(rows, STARTS, as_time), TIME_UTC),
            "end_at": pa.array(told(rows, _ENDS, as_time), TIME_UTC),
            "action": pa.array(told(rows, _ACTIONS, as_name), pa.string()),
            "price": pa.array(told(rows, _PRICES, number_of), pa.float64()),
            **versioned_columns(rows, (*STARTS, *_ENDS)),
        }


class TariffAutomation(SlotsOfDays):
    """The dataset; see the module's docstring."""

    name = "tariff_automation"
    endpoint = TARIFF_AUTOMATION
    output_tables = (
        slot_table(
            "tariff_automation",
            "What the vendor's scheduler did on each day, one row per slot and version.",
        ),
    )

    def request_of(self, day: date, *, may_lack: bool) -> Request:
        """Return the request for a day."""
        text = day.isoformat()
        return Request(path={"date": text}, label=text, may_lack=may_lack)

    def day_of(self, response: ArchivedResponse) -> date:
        """Return the day in the path."""
        return date_or_fetched(response.path.rpartition("/")[2], response)


def date_or_fetched(text: object, response: ArchivedResponse) -> date:
    """Return the day that a request names; of a saved response without one, that of its fetch."""
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return response.fetched_at.date()


DATASET = TariffAutomation()
