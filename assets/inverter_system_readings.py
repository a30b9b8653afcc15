"""Inverter system readings: the latest powers of an inverter, polled.

Source: API document, section "Inverter Data", "Get Latest System Data", and the recorded readings.

Grain: inverter and time; polling twice before the inverter sends again gives the same row. It is
the newest data point in another shape, available earlier than the data points. A Gateway sometimes
sends only nulls (logged by users): that is no reading and goes to quarantine as `no_reading`. An
EMS has an endpoint of its own.

Requests: one per inverter and poll.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pyarrow as pa

from assets.framework import (
    Cadence,
    Column,
    DeviceKind,
    InRange,
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
    list_of_structs,
    local_columns,
    parse_times,
    provenance_columns,
    reading_time,
    reject_empty_readings,
    request_each,
    table_schema,
    text,
    with_source,
)
from assets.inverter_data_points.point_columns import PV_ARRAYS
from assets.inverter_data_points.point_columns import SCHEMA as POINTS
from assets.inverter_data_points.point_json import Battery, Grid, Inverter, Solar
from givenergy.endpoints.inverter_endpoints import INVERTER_SYSTEM_DATA
from warehouse.archive import ArchivedResponse


class _SystemReading(Wire):
    time: str | None = None
    status: str | None = None
    solar: Solar = msgspec.field(default_factory=Solar)
    grid: Grid = msgspec.field(default_factory=Grid)
    battery: Battery = msgspec.field(default_factory=Battery)
    inverter: Inverter = msgspec.field(default_factory=Inverter)
    consumption: float | None = None


# The document's own example, 2124.3 V and 479.5 Hz, must pass.
_WIDER = {
    "grid_voltage_v": [InRange(-10.0, 10_000.0)],
    "grid_frequency_hz": [InRange(0.0, 1_000.0)],
}


def _powers() -> dict[str, Column]:
    """Return the power columns of a data point, whose leaves are one level higher here."""
    columns = {}
    for name, description in POINTS.columns.items():
        above, _, leaf = (description.source or "").partition(".")
        if above == "power":
            source = "consumption" if leaf == "consumption.power" else leaf
            columns[name] = with_source(description, source, _WIDER.get(name))
    return columns


_POWERS = _powers()

TABLE = Table(
    name="inverter_system_readings",
    description="The latest powers of each inverter, as polled.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            **reading_time(),
            "status": POINTS.columns["status"],
            "status_name": POINTS.columns["status_name"],
            **_POWERS,
            **extra_fields(),
            **provenance_columns(),
        }
    ),
    key=("inverter_serial", "time"),
    time_column="time",
    device_column="inverter_serial",
)

_LEAVES = [leaf_getter(column) for name, column in _POWERS.items() if name != "pv_arrays"]


def _measured(reading: _SystemReading) -> Iterator[object]:
    """Yield all measurements, nulls included."""
    for leaf in _LEAVES:
        yield leaf(reading)
    for array in reading.solar.arrays or ():
        yield from (array.voltage, array.current, array.power)


class InverterSystemReadings(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "inverter_system_readings"
    version = 1
    endpoint = INVERTER_SYSTEM_DATA
    group = "inverters"
    row_type = _SystemReading
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
        reject_empty_readings(rows, _measured)
        time = parse_times(rows, "time", response.body, self.shape)
        readings = rows.values
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), len(readings)),
            "time": time,
            **local_columns(time, response.request_zone or "UTC"),
            "pv_arrays": list_of_structs(
                [reading.solar.arrays for reading in readings],
                PV_ARRAYS,
                ("array", "voltage", "current", "power"),
            ),
            **leaf_columns(TABLE.schema, readings, skip=("time", "pv_arrays")),
            "extra_fields": extra_column(rows),
        }


DATASET = InverterSystemReadings()
