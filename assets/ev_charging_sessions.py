"""EV charging sessions: when a vehicle was charged, how much it took, who began and ended it.

Source: API document, section "EV Charger", "Charging Sessions" and "Get Charging Sessions"; the
filters are query parameters (reported by users), where the document's example sends a body.

Grain: charger and start. A session has no number of its own. While it is open, all that tells of
its end is null; it is asked for again from its start until it closes, and once a week after a
month. Who began or ended it is an ID tag or a user: a pseudonym, unless the owner keeps it, but for
the two values that stand for nobody. Energies are the readings of the charger's import meter.

Requests: 1 for each charger and day, as its new sessions and open ones come in one answer; 1 for
all of history the first time (a page holds 1,000 sessions).
"""

from collections.abc import Iterator, Mapping
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
    Wire,
    as_text,
    ask_from,
    column,
    difference,
    extra_column,
    extra_fields,
    flag,
    instant,
    leaf_columns,
    local_columns,
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
from givenergy import domain
from givenergy.endpoints import EV_CHARGING_SESSIONS
from warehouse import ArchivedResponse

_METER_KWH = (-1e9, 1e9)
# No charger is older.
_BEGINNING = datetime(2015, 1, 1, tzinfo=UTC)
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
        "duration_s": number("Duration (s)", "From start to end."),
        "started_local": column(
            TIME_LOCAL, "Local start", "The start in the account's time zone.", nullable=False
        ),
        "local_date": column(
            pa.date32(), "Local date", "The day of the local start.", nullable=False
        ),
        "meter_start_kwh": measurement(
            "Meter at the start (kWh)", "Import meter at the start.", "meter_start", *_METER_KWH
        ),
        "meter_stop_kwh": measurement(
            "Meter at the end (kWh)", "Import meter at the end.", "meter_stop", *_METER_KWH
        ),
        "energy_kwh": number("Energy (kWh)", "What the import meter counted meanwhile."),
        "started_by": text(
            "Started by", "ID tag or user that began it, or its pseudonym.", "started_by"
        ),
        "started_by_name": text("Started by, decoded", "Set where neither tag nor user began it."),
        "stopped_by": text(
            "Stopped by", "ID tag or user that ended it, or its pseudonym.", "stopped_by"
        ),
        "stopped_by_name": text("Stopped by, decoded", "Set where neither tag nor user ended it."),
        "stop_reason": text("Stop reason", "As sent.", "stop_reason", codes="stop_reason"),
        "stop_reason_name": name_of_code("Stop reason"),
        "stop_reason_description": text("Stop reason in words", "What the stop reason means."),
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
    derived_columns=("has_ended",),
)


class EvChargingSessions(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "ev_charging_sessions"
    version = 3
    endpoint = EV_CHARGING_SESSIONS
    group = "ev_chargers"
    row_type = _Session
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.EV_CHARGER,)
    cadence = Cadence.DAILY

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Ask each charger from a few days ago on, from its open sessions on, or for all."""
        items = open_items(state, TABLE, "started_at")
        looks = {} if state.refetch else lookbacks(state, self.name, "start_time")
        # In which zone the API reads a date is not documented: a day to spare on either side.
        end = (state.now + timedelta(days=2)).date()
        for device in state.of(DeviceKind.EV_CHARGER):
            uuid = device.device_id
            start = ask_from(
                [item for item in items if item.device_id == uuid],
                looks.get((uuid, ""), ()),
                beginning=_BEGINNING,
                now=state.now,
            )
            query = {
                "start_time": (start - timedelta(days=1)).date().isoformat(),
                "end_time": end.isoformat(),
            }
            yield Request(path={"charger": uuid}, query=query, device_id=uuid)

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Make the columns of one answer."""
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
        return {
            "charger_uuid": pa.repeat(pa.scalar(response.device_id), len(sessions)),
            "started_at": started_at,
            "stopped_at": stopped_at,
            "has_ended": pa.array(
                [session.stopped_at is not None for session in sessions], pa.bool_()
            ),
            "duration_s": difference(started_at.cast(pa.int64()), stopped_at.cast(pa.int64()), 1e6),
            **local_columns(started_at, response.request_zone or "UTC", "started_local"),
            **leaves,
            "energy_kwh": difference(leaves["meter_start_kwh"], leaves["meter_stop_kwh"]),
            "started_by_name": _nobody(leaves["started_by"]),
            "stopped_by_name": _nobody(leaves["stopped_by"]),
            "stop_reason_description": pa.array(
                [_REASONS.get(str(reason).upper()) for reason in reasons], pa.string()
            ),
            "extra_fields": extra_column(rows),
        }


def _nobody(tags: pa.Array) -> pa.Array:
    return pa.array([_NOBODY.get(str(tag).upper()) for tag in tags.to_pylist()], pa.string())


DATASET = EvChargingSessions()
