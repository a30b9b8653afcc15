"""Locks: what may not be changed on an inverter for some time.

Source: version 1.53 of the API, which does not document the leaves: `extra_fields` has them as
sent, except those that could be about people ([personal data](../docs/personal-data.md)).

Grain: inverter and lock, with history.

Requests: one per inverter and week.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from assets.framework import (
    TIME_UTC,
    Cadence,
    DeviceKind,
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
    history_columns,
    instant,
    names_of,
    request_each,
    table_schema,
    text,
    told,
    versioned_columns,
    versioned_fields,
)
from givenergy.endpoints.lock_endpoints import LOCKS
from warehouse.archive import ArchivedResponse

TABLE = Table(
    name="locks",
    description="The locks of each inverter, one row per lock and version.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            "lock_id": text(
                "Lock",
                "Its `id`, or its name in the answer: the first that differs between all; else its"
                " position.",
                nullable=False,
            ),
            "type": text("Type", "From `type` or `lockable_type`."),
            "created_at": instant("Created (UTC)", "From `created_at` or `starts_at`."),
            "expires_at": instant("Expires (UTC)", "From `expires_at`."),
            "reason": text("Reason", "From `reason`. Null unless the owner keeps it."),
            **versioned_fields(),
            **history_columns(),
        }
    ),
    key=("inverter_serial", "lock_id"),
    unversioned_columns=("extra_fields",),
)


class Locks(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "locks"
    version = 1
    endpoint = LOCKS
    group = "inverters"
    row_type = Undocumented
    shape = ResponseShape.OPEN_LIST
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    cadence = Cadence.WEEKLY
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the locks of each inverter."""
        return request_each(state.devices_of(DeviceKind.INVERTER), "inverter")

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), len(rows.values)),
            "lock_id": pa.array(names_of(rows, ("id", "key")), pa.string()),
            "type": pa.array(told(rows, ("type", "lockable_type"), as_name), pa.string()),
            "created_at": pa.array(told(rows, ("created_at", "starts_at"), as_time), TIME_UTC),
            "expires_at": pa.array(told(rows, ("expires_at",), as_time), TIME_UTC),
            "reason": pa.array(told(rows, ("reason",), as_name), pa.string()),
            **versioned_columns(rows, ("created_at", "starts_at", "expires_at")),
        }


DATASET = Locks()
