"""EV charging sessions: start, end, energy, and who started and stopped them.

Source: API document, section "EV Charger", "Charging Sessions" and "Get Charging Sessions"; the
filters are query parameters (reported by users), although the document's example sends a body.

Grain: charger and start; a session has no number of its own. The columns about the end of an open
session are null; it is requested again from its start until it closes, and after a month once a
week. Who started or stopped it is an ID tag or a user: a pseudonym unless the owner keeps it,
except for the two values that identify nobody. Energies are readings of the charger's import meter.
Chargers spoil them (reported by users): a start of null or 0 before a lifetime count, a meter that
was reset or whose unit changed, an end in 1970. Start, end and readings are kept as sent; energy
and duration are null where they cannot be true, and the view `reconcile_session_values` names these
sessions.

Requests: one per charger and day, which returns new and open sessions together; one for the whole
history the first time (a page holds 1,000 sessions).
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

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
    Wire,
    as_text,
    column,
    difference,
    duration_s,
    extra_column,
    extra_fields,
    flag,
    instant,
    leaf_columns,
    local_columns,
    lookback_start,
    lookbacks,
    measurement,
    name_of_code,
    number,
    open_items,
    optional_times,
    parse_times,
    provenance_columns,
    table_schema,
    text,
)
from givenergy.codes import domain
from givenergy.endpoints.charger_endpoints import EV_CHARGING_SESSIONS
from warehouse.archive import ArchivedResponse

_METER_KWH = (-1e9, 1e9)
# The largest charger of the vendor has 22 kW, and the largest battery of a car about 210 kWh. A
# short session gets what its clock and register may be wrong by.
_MOST_KW = 25.0
_MOST_KWH = 300.0
_SLACK_KWH = 0.5
_NOBODY = {code.code: code.name for code in domain("id_tag")}
_REASONS = {code.code.upper(): code.description for code in domain("stop_reason")}


class _Session(Wire):
    started_by: Any = None
    meter_start: float | None = None
    started_at: str | None = None
    stopped_by: Any = None
    meter_stop: float | None = None
    stopped_at: str | None = None
    stop_reason: str | None = None


SCHEMA = table_schema(
    {
        "charger_uuid": text("Charger", "UUID of the charger.", nullable=False),
        "started_at": instant("Started", "When it began.", "started_at", nullable=False),
        "stopped_at": instant("Stopped", "When it ended; null: it is open.", "stopped_at"),
        "has_ended": flag("Ended", "Whether it has ended; false while it is open.", nullable=False),
        "duration_s": number(
            "Duration (s)",
            "From start to end; null if the end is before the start or in the future.",
        ),
        "started_local": column(
            TIME_LOCAL, "Local start", "The start in the account's time zone.", nullable=False
        ),
        "local_date": column(pa.date32(), "Local date", "Day of the local start.", nullable=False),
        "meter_start_kwh": measurement(
            "Meter at the start (kWh)", "Import meter at the start.", "meter_start", *_METER_KWH
        ),
        "meter_stop_kwh": measurement(
            "Meter at the end (kWh)", "Import meter at the end.", "meter_stop", *_METER_KWH
        ),
        "energy_kwh": number(
            "Energy (kWh)",
            "Growth of the import meter over the session; null if it is unknown, negative, more"
            " than 300 kWh, or more than 25 kW could charge in the duration.",
        ),
        "energy_source": text(
            "Source of the energy",
            "difference: of the meter's readings; none: they are missing or cannot be true. The"
            " view ev_session_energies adds what the charger's register shows.",
            nullable=False,
        ),
        "started_by": text(
            "Started by", "ID tag or user that began it, or its pseudonym.", "started_by"
        ),
        "started_by_name": text(
            "Started by, decoded", "Name of the initiator if neither a tag nor a user."
        ),
        "stopped_by": text(
            "Stopped by", "ID tag or user that ended it, or its pseudonym.", "stopped_by"
        ),
        "stopped_by_name": text(
            "Stopped by, decoded", "Name of the initiator if neither a tag nor a user."
        ),
        "stop_reason": text("Stop reason", "As sent.", "stop_reason", codes="stop_reason"),
        "stop_reason_name": name_of_code("Stop reason"),
        "stop_reason_description": text(
            "Stop reason description", "Description of the stop reason."
        ),
        **extra_fields(),
        **provenance_columns(),
    }
)

TABLE = Table(
    name="ev_charging_sessions",
    description="Charging sessions of EV chargers, open ones included.",
    schema=SCHEMA,
    key=("charger_uuid", "started_at"),
    device_column="charger_uuid",
    derived_columns=("has_ended", "energy_source"),
    requested_columns=("started_at",),
)


class EvChargingSessions(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "ev_charging_sessions"
    version = 5
    endpoint = EV_CHARGING_SESSIONS
    group = "ev_chargers"
    row_type = _Session
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.EV_CHARGER,)
    cadence = Cadence.DAILY

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request each charger from a few days ago on, from its open sessions on, or for all."""
        items = open_items(state, TABLE, "started_at")
        earlier = {} if state.refetch else lookbacks(state, self.name, "start_time")
        # In which zone the API reads a date is not documented: a day to spare on either side.
        end = (state.now + timedelta(days=2)).date()
        for device in state.devices_of(DeviceKind.EV_CHARGER):
            uuid = device.device_id
            start = lookback_start(
                [item for item in items if item.device_id == uuid],
                earlier.get((uuid, ""), ()),
                beginning=EARLIEST_DATA,
                now=state.now,
            )
            query = {
                "start_time": (start - timedelta(days=1)).date().isoformat(),
                "end_time": end.isoformat(),
            }
            yield Request(path={"charger": uuid}, query=query, device_id=uuid)

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        started_at = parse_times(rows, "started_at", response.body)
        stopped_at = optional_times(SCHEMA, rows, ("stopped_at",))["stopped_at"]
        sessions = rows.values
        leaves = {
            **leaf_columns(
                SCHEMA, sessions, only=("meter_start_kwh", "meter_stop_kwh", "stop_reason")
            ),
            **leaf_columns(SCHEMA, sessions, only=("started_by", "stopped_by"), convert=as_text),
        }
        reasons = leaves["stop_reason"].to_pylist()
        duration = duration_s(started_at, stopped_at, response.fetched_at)
        energy = _energies(leaves["meter_start_kwh"], leaves["meter_stop_kwh"], duration)
        return {
            "charger_uuid": pa.repeat(pa.scalar(response.device_id), len(sessions)),
            "started_at": started_at,
            "stopped_at": stopped_at,
            "has_ended": pa.array(
                [
                    session.stopped_at is not None or rows.has_misfit(index, "stopped_at")
                    for index, session in enumerate(sessions)
                ],
                pa.bool_(),
            ),
            "duration_s": duration,
            **local_columns(started_at, response.request_zone or "UTC", "started_local"),
            **leaves,
            "energy_kwh": energy,
            "energy_source": pc.if_else(pc.is_valid(energy), "difference", "none"),
            "started_by_name": _nobody(leaves["started_by"]),
            "stopped_by_name": _nobody(leaves["stopped_by"]),
            "stop_reason_description": pa.array(
                [_REASONS.get(str(reason).upper()) for reason in reasons], pa.string()
            ),
            "extra_fields": extra_column(rows),
        }


def _energies(start_kwh: pa.Array, stop_kwh: pa.Array, duration: pa.Array) -> pa.Array:
    """Return the energy of each session; null where the readings or times cannot be true."""
    energy = difference(start_kwh, stop_kwh)
    by_power = pc.add(pc.multiply(duration, _MOST_KW / 3600), _SLACK_KWH)
    most = pc.min_element_wise(by_power, _MOST_KWH, skip_nulls=False)
    farthest = pc.max_element_wise(pc.abs(start_kwh), pc.abs(stop_kwh), skip_nulls=False)
    is_possible = pc.and_(pc.greater_equal(energy, 0.0), pc.less_equal(energy, most))
    # Readings outside their limits become null.
    is_possible = pc.and_(is_possible, pc.less_equal(farthest, _METER_KWH[1]))
    return pc.if_else(is_possible, energy, pa.scalar(None, pa.float64()))


def _nobody(tags: pa.Array) -> pa.Array:
    return pa.array([_NOBODY.get(str(tag).upper()) for tag in tags.to_pylist()], pa.string())


DATASET = EvChargingSessions()
