"""Inverter meter readings: the latest energy counters of an inverter, polled.

Source: API document, section "Inverter Data", "Get Latest Meter Data", and the recorded reading.

Grain: inverter and time; polling twice before the inverter sends again gives the same row. The
counters are those of the newest data point; column descriptions name their known faults. A response
that contains only nulls is no reading and goes to quarantine as `no_reading`. An EMS has an
endpoint of its own.

Requests: one per inverter and poll.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pyarrow as pa

from assets.framework import (
    Cadence,
    DeviceKind,
    KnownState,
    Request,
    ResponseShape,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
    Urgency,
    Wire,
    extra_column,
    extra_fields,
    leaf_columns,
    leaf_getter,
    local_columns,
    parse_times,
    provenance_columns,
    reading_time,
    reject_empty_readings,
    request_each,
    table_schema,
    text,
)
from assets.inverter_data_points.point_columns import SCHEMA as POINTS
from assets.inverter_data_points.point_json import Energy
from givenergy.endpoints.inverter_endpoints import INVERTER_METER_DATA
from warehouse.archive import ArchivedResponse


class _MeterReading(Wire):
    time: str | None = None
    today: Energy = msgspec.field(default_factory=Energy)
    total: Energy = msgspec.field(default_factory=Energy)
    is_metered: bool | None = None


_COUNTERS = {
    name: column for name, column in POINTS.columns.items() if name.startswith(("today_", "total_"))
}

TABLE = Table(
    name="inverter_meter_readings",
    description="The latest energy counters of each inverter, as polled.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            **reading_time(),
            **_COUNTERS,
            "is_metered": POINTS.columns["is_metered"],
            **extra_fields(),
            **provenance_columns(),
        }
    ),
    key=("inverter_serial", "time"),
    time_column="time",
    device_column="inverter_serial",
)

_LEAVES = [leaf_getter(column) for column in _COUNTERS.values()]


class InverterMeterReadings(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "inverter_meter_readings"
    version = 1
    endpoint = INVERTER_METER_DATA
    group = "inverters"
    row_type = _MeterReading
    shape = ResponseShape.SINGLE
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    cadence = Cadence.EVERY_POLL
    urgency = Urgency.PERISHABLE

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request each inverter."""
        return request_each(state.devices_of(DeviceKind.INVERTER), "inverter")

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        reject_empty_readings(rows, lambda reading: (leaf(reading) for leaf in _LEAVES))
        time = parse_times(rows, "time", response.body, self.shape)
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), len(rows.values)),
            "time": time,
            **local_columns(time, response.request_zone or "UTC"),
            **leaf_columns(TABLE.schema, rows.values, skip=("time",)),
            "extra_fields": extra_column(rows),
        }


DATASET = InverterMeterReadings()
