"""Inverter events: faults, when each began and when it was cleared.

Source: API document, section "Inverter Data", "Get Events", and the recorded list.

Grain: inverter, event and start; several can begin at once (recorded). While a fault lasts, its end
is null; it is asked for again from its start until it is over, and once a week after a month.
Whether the filter `cleared` adds the faults that are over to those that are not, or leaves the
latter out, is not documented: both of its values are asked for and united, until answers show that
one of them brings everything. The list comes newest first (recorded), so that a fault that begins
while pages are read makes a row come twice: the second is set aside as a duplicate.

Requests: the first time two for each inverter, for all of its history. Later one for each inverter
and day if `cleared` adds, else two; none for one that has been silent since it was last asked. A
page holds 1,000 events.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from assets.framework import (
    TIME_LOCAL,
    Cadence,
    DeviceKind,
    KnownState,
    Request,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
    Value,
    Wire,
    ask_from,
    column,
    decode_rows,
    difference,
    extra_column,
    extra_fields,
    flag,
    instant,
    leaf_columns,
    local_columns,
    lookbacks,
    number,
    open_items,
    optional_times,
    parse_times,
    provenance_columns,
    reject,
    table_schema,
    text,
)
from givenergy import Fetched
from givenergy.endpoints import INVERTER_EVENTS
from warehouse import ArchivedResponse

# From when on to ask about an inverter of which it is not known when it was commissioned.
_OLDEST = datetime(2015, 1, 1, tzinfo=UTC)
# Which of its two meanings `cleared` turned out to have: it adds faults that are over to those that
# are not ("also"), or leaves the latter out ("only").
_MEANING = "inverter_events_cleared_means"
# A fault that began only shortly before a list was read may not have been in it yet.
_SETTLED = timedelta(hours=1)
_DAY = timedelta(days=1)


class _Event(Wire):
    event: str | None = None
    start_time: str | None = None
    end_time: str | None = None


SCHEMA = table_schema(
    {
        "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
        "event": text("Event", "What happened, in the API's words.", "event", nullable=False),
        "started_at": instant("Start (UTC)", "When it began.", "start_time", nullable=False),
        "ended_at": instant("End (UTC)", "When it was cleared; null: it is open.", "end_time"),
        "duration_s": number("Duration (s)", "From start to end."),
        "has_ended": flag("Ended", "Whether it has ended; false while it is open.", nullable=False),
        "started_local": column(
            TIME_LOCAL, "Local start", "The start in the account's time zone.", nullable=False
        ),
        "local_date": column(
            pa.date32(), "Local date", "The day of the local start.", nullable=False
        ),
        **extra_fields(),
        **provenance_columns(),
    }
)

TABLE = Table(
    name="inverter_events",
    description="Faults of inverters with start and end, cleared ones and open ones.",
    schema=SCHEMA,
    key=("inverter_serial", "event", "started_at"),
    time_column="started_at",
    device_column="inverter_serial",
    derived_columns=("has_ended",),
)


class InverterEvents(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring.

    Optional, so that inverters that stay listed without data are not asked again every day.
    """

    name = "inverter_events"
    version = 2
    endpoint = INVERTER_EVENTS
    group = "inverters"
    row_type = _Event
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    cadence = Cadence.DAILY
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Ask each inverter from a few days ago on, from its open events on, or for all."""
        items = open_items(state, TABLE, "started_at")
        looks = {} if state.refetch else lookbacks(state, self.name, "start", apart_by="cleared")
        adds = state.lake.state.get(_MEANING) == "also" and not state.refetch
        # In which zone the API reads a date is not documented: a day to spare on either side.
        end = (state.now + timedelta(days=2)).date()
        for device in state.of(DeviceKind.INVERTER):
            serial = device.device_id
            for cleared in (1,) if adds else (0, 1):
                start = ask_from(
                    [item for item in items if item.device_id == serial],
                    looks.get((serial, str(cleared)), ()),
                    beginning=device.commissioned_at or _OLDEST,
                    now=state.now,
                )
                # Nothing can have begun or ended since the last look.
                if device.last_contact_at is not None and start > device.last_contact_at + _DAY:
                    continue
                query: dict[str, Value] = {
                    "start": (start - _DAY).date().isoformat(),
                    "end": end.isoformat(),
                    "cleared": cleared,
                }
                yield Request(
                    path={"inverter": serial},
                    query=query,
                    device_id=serial,
                    label=f"cleared={cleared}",
                )

    def observe_responses(
        self, state: KnownState, answers: Sequence[tuple[Request, Fetched]]
    ) -> None:
        """Find out what `cleared` means; without an open event nothing can be told."""
        both: dict[str, dict[Any, tuple[Request, Fetched]]] = {}
        for request, fetched in answers:
            if fetched.complete:
                both.setdefault(request.device_id, {})[request.query["cleared"]] = (
                    request,
                    fetched,
                )
        meanings = {_meaning(lists) for lists in both.values()}
        # What contradicts itself is no reason to ask for less: "only" goes first.
        for meaning in ("only", "also"):
            if meaning in meanings:
                if state.lake.state.get(_MEANING) != meaning:
                    state.lake.state.set(_MEANING, meaning)
                return

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Make the columns of one answer."""
        nameless = [index for index, row in enumerate(rows.values) if not row.event]
        reject(rows, nameless, "event", response.body)
        start = parse_times(rows, "start_time", response.body)
        end = optional_times(SCHEMA, rows, ("ended_at",))["ended_at"]
        events = rows.values
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), len(events)),
            **leaf_columns(SCHEMA, events, only=("event",)),
            "started_at": start,
            "ended_at": end,
            "duration_s": difference(start.cast(pa.int64()), end.cast(pa.int64()), 1e6),
            "has_ended": pa.array([event.end_time is not None for event in events], pa.bool_()),
            **local_columns(start, response.request_zone or "UTC", "started_local"),
            "extra_fields": extra_column(rows),
        }


def _meaning(lists: Mapping[Any, tuple[Request, Fetched]]) -> str | None:
    """Tell what `cleared` means from the answers to both of its values; None if they do not."""
    if 1 not in lists:
        return None
    request, fetched = lists[1]
    cleared = _events(fetched)
    if any(event.end_time is None for event in cleared):
        return "also"
    if 0 not in lists:
        return None
    known = {(event.event, event.start_time) for event in cleared}
    until = (fetched.pages[0].requested_at - _SETTLED).isoformat()
    expected = [
        (event.event, event.start_time)
        for event in _events(lists[0][1])
        if event.end_time is None
        and event.start_time
        and str(request.query["start"]) < event.start_time < until
    ]
    return "only" if set(expected) - known else None


def _events(fetched: Fetched) -> list[_Event]:
    return [event for page in fetched.pages for event in decode_rows(page.body, _Event).values]


DATASET = InverterEvents()
