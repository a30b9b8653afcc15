"""Smart device readings: the power that each smart device reported.

Source: API document, section "Smart Device", "Get Smart Device Data Points by ID".

Grain: smart device and time. The list has no date filter and is sorted newest first (recorded). It
is read until a page reaches a known reading; it is read to its end for a new device, after an
incomplete read, and if the history is fetched again. The unit of `power` is not documented and
assumed to be W.

Requests: one per device and day, as long as one page holds the readings of a day.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.framework import (
    Cadence,
    DeviceKind,
    KnownState,
    Request,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
    Wire,
    decode_rows,
    extra_column,
    extra_fields,
    leaf_columns,
    local_columns,
    measurement,
    parse_times,
    provenance_columns,
    read_sql,
    reading_time,
    table_schema,
    text,
)
from givenergy.endpoints.smart_device_endpoints import SMART_DEVICE_DATA
from givenergy.models import Page
from warehouse.archive import ArchivedResponse


class _SmartDeviceReading(Wire):
    time: str | None = None
    power: float | None = None


TABLE = Table(
    name="smart_device_readings",
    description="Every reading that a smart device reported.",
    schema=table_schema(
        {
            "device_uuid": text("Smart device", "UUID of the device.", nullable=False),
            **reading_time(),
            "power_w": measurement(
                "Power (W)",
                "Power of the connected appliance; the unit is not documented.",
                "power",
                -2_000_000.0,
                2_000_000.0,
            ),
            **extra_fields(),
            **provenance_columns(),
        }
    ),
    key=("device_uuid", "time"),
    time_column="time",
    device_column="device_uuid",
)


class SmartDeviceReadings(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "smart_device_readings"
    version = 1
    endpoint = SMART_DEVICE_DATA
    group = "smart_devices"
    row_type = _SmartDeviceReading
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.SMART_DEVICE,)
    cadence = Cadence.DAILY

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the new readings of each device, or all of them."""
        newest = {
            row["device_uuid"]: row["newest"]
            for row in state.rows(read_sql("smart_readings_known"))
        }
        answers = sorted(state.latest_responses(self.name), key=lambda answer: answer.at)
        complete = {answer.device_id: answer.complete for answer in answers}
        for device in state.devices_of(DeviceKind.SMART_DEVICE):
            uuid = device.device_id
            is_incremental = complete.get(uuid, False) and uuid in newest and not state.refetch
            yield Request(
                path={"device": uuid},
                device_id=uuid,
                stop_after=_reaches(newest[uuid]) if is_incremental else None,
            )

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        time = parse_times(rows, "time", response.body)
        return {
            "device_uuid": pa.repeat(pa.scalar(response.device_id), len(rows.values)),
            "time": time,
            **local_columns(time, response.request_zone or "UTC"),
            **leaf_columns(TABLE.schema, rows.values, skip=("time",)),
            "extra_fields": extra_column(rows),
        }


def _reaches(known: datetime) -> Callable[[Page], bool]:
    """Return a function that checks whether a page reaches back to a known time."""

    def reaches(page: Page) -> bool:
        times = parse_times(decode_rows(page.body, _SmartDeviceReading), "time", page.body)
        oldest = pc.min(times).as_py()
        return oldest is not None and oldest <= known

    return reaches


DATASET = SmartDeviceReadings()
