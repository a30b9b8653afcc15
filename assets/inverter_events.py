"""Inverter events: faults, when each began and when it was cleared.

Source: API document, section "Inverter Data", "Get Events", and the recorded list.

Grain: inverter, event and start; several can begin at once (recorded). The end of an open fault is
null; the fault is requested again from its start until it ends, and after a month once a week. The
document does not say whether the filter `cleared` adds cleared faults to open ones or excludes open
ones: both values are requested and merged until responses show that one of them returns all faults.
The list is sorted newest first (recorded), so a fault that begins while pages are read repeats a
row: the second is quarantined as a duplicate.

Requests: the first time two per inverter, for its whole history. Later one per inverter and day if
`cleared` adds, otherwise two, also for an inverter that is said to be silent: its last contact can
be out of date. A page holds 1,000 events.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa

from assets.framework import (
    EARLIEST_DATA,
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
    column,
    decode_rows,
    duration_s,
    extra_column,
    extra_fields,
    flag,
    instant,
    leaf_columns,
    local_columns,
    lookback_start,
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
from givenergy.endpoints.inverter_endpoints import INVERTER_EVENTS
from givenergy.models import Fetched
from warehouse.archive import ArchivedResponse

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
        "event": text("Event", "Description of the event by the API.", "event", nullable=False),
        "started_at": instant("Start (UTC)", "When it began.", "start_time", nullable=False),
        "ended_at": instant("End (UTC)", "When it was cleared; null: it is open.", "end_time"),
        "duration_s": number(
            "Duration (s)",
            "From start to end; null if the end is before the start or in the future.",
        ),
        "has_ended": flag("Ended", "Whether it has ended; false while it is open.", nullable=False),
        "started_local": column(
            TIME_LOCAL, "Local start", "The start in the account's time zone.", nullable=False
        ),
        "local_date": column(pa.date32(), "Local date", "Day of the local start.", nullable=False),
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

    Optional, so that inverters that stay listed without data are not requested again every day.
    """

    name = "inverter_events"
    version = 3
    endpoint = INVERTER_EVENTS
    group = "inverters"
    row_type = _Event
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    cadence = Cadence.DAILY
    optional = True
    observes = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request each inverter from a few days ago on, from its open events on, or for all."""
        items = open_items(state, TABLE, "started_at")
        earlier = (
            {}
            if state.refetch
            else lookbacks(state, self.name, "start", filter_parameter="cleared")
        )
        adds = state.lake.state.get(_MEANING) == "also" and not state.refetch
        # In which zone the API reads a date is not documented: a day to spare on either side.
        end = (state.now + timedelta(days=2)).date()
        for device in state.devices_of(DeviceKind.INVERTER):
            serial = device.device_id
            for cleared in (1,) if adds else (0, 1):
                start = lookback_start(
                    [item for item in items if item.device_id == serial],
                    earlier.get((serial, str(cleared)), ()),
                    beginning=device.commissioned_at or EARLIEST_DATA,
                    now=state.now,
                )
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
        """Infer what `cleared` means and store it; undecided without an open event."""
        both: dict[str, dict[Any, tuple[Request, Fetched]]] = {}
        for request, fetched in answers:
            if fetched.complete:
                both.setdefault(request.device_id, {})[request.query["cleared"]] = (
                    request,
                    fetched,
                )
        meanings = {_meaning(lists) for lists in both.values()}
        # If inverters contradict each other, "only" wins, because it requests more.
        for meaning in ("only", "also"):
            if meaning in meanings:
                if state.lake.state.get(_MEANING) != meaning:
                    state.lake.state.set(_MEANING, meaning)
                return

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
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
            "duration_s": duration_s(start, end, response.fetched_at),
            "has_ended": pa.array(
                [
                    event.end_time is not None or rows.has_misfit(index, "end_time")
                    for index, event in enumerate(events)
                ],
                pa.bool_(),
            ),
            **local_columns(start, response.request_zone or "UTC", "started_local"),
            "extra_fields": extra_column(rows),
        }


def _meaning(lists: Mapping[Any, tuple[Request, Fetched]]) -> str | None:
    """Infer what `cleared` means from the responses to both of its values; None if undecided."""
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
