"""EV chargers of the account, with history: type, status, and when they went offline.

Source: API document, section "EV Charger", "Info", and the recorded charger.

Grain: charger and version; a change of status makes a new version, because only this list has the
status. A charger can be offline without a time since when (documented example). Its alias is
redacted unless the owner keeps it. Accounts other than a customer's have no such list, and an
account without chargers can get 404 instead of an empty list.

The API does not say when a charger was installed. Its history is assumed to start one month before
the oldest data known of it, so the start moves back as long as data is found; a month of days
without a row ends the search. An owner who requests earlier days of chargers overrides this.

Requests: one per poll (a page holds 1,000 chargers).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from assets.framework import (
    Cadence,
    Device,
    DeviceKind,
    DeviceList,
    KnownState,
    Request,
    RowByRow,
    Rows,
    Table,
    Wire,
    as_text,
    extra_column,
    extra_fields,
    flag,
    history_columns,
    instant,
    leaf_columns,
    name_of_code,
    optional_times,
    read_sql,
    table_schema,
    text,
)
from givenergy.endpoints.charger_endpoints import EV_CHARGERS
from warehouse.archive import ArchivedResponse
from warehouse.lake import Lake

_LOOK_BACK = timedelta(days=31)
_FIRST_DAY = "ev_chargers_first_day"


class _Charger(Wire):
    uuid: str | None = None
    serial_number: Any = None
    type: str | None = None
    alias: str | None = None
    online: bool | None = None
    went_offline_at: str | None = None
    status: str | None = None


SCHEMA = table_schema(
    {
        "charger_uuid": text("Charger", "UUID of the charger.", "uuid", nullable=False),
        "serial_number": text("Serial number", "Serial number.", "serial_number"),
        "type": text("Type", "Manufacturer, as sent.", "type"),
        "alias": text("Alias", "Name given by the owner; null unless the owner keeps it.", "alias"),
        "status": text("Status", "Status as sent.", "status", codes="ev_charger_status"),
        "status_name": name_of_code("Status"),
        "online": flag("Online", "Whether it is connected to the platform.", "online"),
        "went_offline_at": instant(
            "Offline since", "Time of last contact, UTC; null if unknown.", "went_offline_at"
        ),
        **extra_fields(),
        **history_columns(),
    }
)

TABLE = Table(
    name="ev_chargers",
    description="EV chargers of the account, one row per item and version.",
    schema=SCHEMA,
    key=("charger_uuid",),
    unversioned_columns=(),
)


class EvChargers(RowByRow, DeviceList):
    """The dataset; see the module's docstring."""

    name = "ev_chargers"
    version = 1
    endpoint = EV_CHARGERS
    group = "ev_chargers"
    row_type = _Charger
    output_tables = (TABLE,)
    kinds = (DeviceKind.EV_CHARGER,)
    cadence = Cadence.EVERY_POLL
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the whole list."""
        yield Request()

    def devices(self, state: KnownState) -> Mapping[DeviceKind, Sequence[Device]]:
        """List chargers, with the days on which they can have had data."""
        named = state.lake.state.get(_FIRST_DAY)
        since = [datetime.combine(date.fromisoformat(str(named)), time(), UTC)] if named else []
        chargers = [
            Device(
                device_id=row["charger_uuid"],
                commissioned_at=min([row["oldest_at"] - _LOOK_BACK, *since]),
                last_contact_at=row["last_contact_at"],
                serial=row["serial_number"],
                alias=row["alias"],
            )
            for row in state.rows(read_sql("ev_chargers_known"))
        ]
        return {DeviceKind.EV_CHARGER: chargers}

    def ids_of(self, element: Mapping[str, Any]) -> Collection[str]:
        """Return the charger."""
        names = (element.get("uuid"), element.get("serial_number"))
        return [str(name) for name in names if name]

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one page of the list."""
        times = optional_times(SCHEMA, rows, ("went_offline_at",))
        return {
            **leaf_columns(SCHEMA, rows.values, skip=("serial_number", "went_offline_at")),
            **leaf_columns(SCHEMA, rows.values, only=("serial_number",), convert=as_text),
            **times,
            "charger_uuid": pa.array([row.uuid for row in rows.values], pa.string()),
            "extra_fields": extra_column(rows),
        }


def set_first_day(lake: Lake, day: date) -> None:
    """Expect days of chargers from a day on that the owner has named, whatever is known of them."""

    def earlier(stored: object) -> object:
        return min(str(stored), day.isoformat()) if stored else day.isoformat()

    lake.state.update(_FIRST_DAY, earlier)


DATASET = EvChargers()
