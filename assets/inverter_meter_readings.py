"""Inverter meter readings: the energy counters that an inverter sent last, polled.

Source: API document, section "Inverter Data", "Get Latest Meter Data", and the recorded reading.

Grain: inverter and time; asking twice before the inverter sends again gives the same row. It is the
newest data point's counters; what is known of their faults stands at the columns. An answer with
nothing but nulls is no reading and goes to quarantine as `no_reading`. An EMS has an endpoint of
its own and is left out.

Requests: one for each inverter and poll.
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
    leaf_of,
    local_columns,
    parse_times,
    provenance_columns,
    reading_time,
    reject_without_reading,
    request_each,
    table_schema,
    text,
)
from assets.inverter_data_points.point_columns import SCHEMA as POINTS
from assets.inverter_data_points.point_json import Energy
from givenergy.endpoints import INVERTER_METER_DATA
from warehouse import ArchivedResponse


class _Reading(Wire):
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

_LEAVES = [leaf_of(column) for column in _COUNTERS.values()]


class InverterMeterReadings(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "inverter_meter_readings"
    version = 1
    endpoint = INVERTER_METER_DATA
    group = "inverters"
    row_type = _Reading
    shape = ResponseShape.SINGLE
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    cadence = Cadence.EVERY_POLL
    urgency = Urgency.PERISHABLE

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Ask each inverter."""
        return request_each(state.of(DeviceKind.INVERTER), "inverter")

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Make the columns of one answer."""
        reject_without_reading(rows, lambda reading: (leaf(reading) for leaf in _LEAVES))
        time = parse_times(rows, "time", response.body, self.shape)
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), len(rows.values)),
            "time": time,
            **local_columns(time, response.request_zone or "UTC"),
            **leaf_columns(TABLE.schema, rows.values, skip=("time",)),
            "extra_fields": extra_column(rows),
        }


DATASET = InverterMeterReadings()
