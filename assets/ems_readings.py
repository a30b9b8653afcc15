"""EMS readings: the latest readings of an EMS and of its inverters and meters, polled.

Source: API document, section "EMS Data", "Get Latest EMS System Data".

Grain: EMS and time; in the other two tables also the slot number. The API has no history of an EMS,
only its latest reading. `time` can be null (the document's own example) or unreadable: the time of
the fetch replaces it, and `time_is_fetched` is true. Empty slots are rows with status 0. A response
that contains only nulls is no reading and goes to quarantine as `no_reading`.

Requests: one per EMS and poll. The document does not say how an EMS is listed. If no list has one,
each inverter of a small account is probed from time to time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from assets.framework import (
    PROBE,
    TIME_UTC,
    Cadence,
    Column,
    DeviceKind,
    Int64,
    KnownState,
    PageByPage,
    Request,
    ResponseShape,
    Rows,
    SnapshotDataset,
    Table,
    TableRows,
    Urgency,
    Wire,
    column,
    extra_column,
    extra_fields,
    integer,
    leaf_columns,
    local_columns,
    measurement,
    name_of_code,
    number,
    optional_times,
    provenance_columns,
    reading_time,
    reject_empty_readings,
    table_schema,
    text,
)
from givenergy.endpoints.inverter_endpoints import EMS_LATEST
from warehouse.archive import ArchivedResponse

# An account with more inverters than that and no EMS listed is not searched for one.
_MOST_PROBED = 10
_POWER_W = (-20_000_000.0, 20_000_000.0)


class _Inverter(Wire):
    active_power: float | None = None
    number: Int64 | None = None
    serial_number: str | None = None
    soc: float | None = None
    status: Int64 | None = None
    temperature: float | None = None


class _Meter(Wire):
    active_power: float | None = None
    number: Int64 | None = None
    status: Int64 | None = None
    type: Int64 | None = None


class _EmsReading(Wire):
    battery_power: float | None = None
    battery_wh_remaining: float | None = None
    calculated_load_power: float | None = None
    car_power: float | None = None
    error_code: Int64 | None = None
    grid_power: float | None = None
    measured_load_power: float | None = None
    status: Int64 | None = None
    time: str | None = None
    total_generation: float | None = None
    warning_code: Int64 | None = None
    inverters: list[_Inverter] | None = None
    meters: list[_Meter] | None = None


def _power(title: str, description: str, source: str) -> Column:
    return measurement(title, description, source, *_POWER_W)


def _table(name: str, description: str, columns: Mapping[str, Column]) -> Table:
    """Create a table of readings; its key includes `number` if it has that column."""
    key = ("ems_serial", "number", "time") if "number" in columns else ("ems_serial", "time")
    return Table(
        name=name,
        description=description,
        schema=table_schema(
            {
                "ems_serial": text("EMS", "Serial number of the EMS.", nullable=False),
                **reading_time(),
                "time_is_fetched": column(
                    pa.bool_(),
                    "Time is that of the fetch",
                    "Whether the EMS sent no time and the time is that of the fetch.",
                    nullable=False,
                ),
                **columns,
                **provenance_columns(),
            }
        ),
        key=key,
        time_column="time",
        device_column="ems_serial",
    )


READINGS_TABLE = _table(
    "ems_readings",
    "The latest readings of each EMS, as polled.",
    {
        "status": integer("Status", "Code of the EMS' status.", "status", codes="ems_status"),
        "status_name": name_of_code("Status"),
        "battery_power_w": _power(
            "Battery power (W)",
            "Power of all batteries; the sign is not documented.",
            "battery_power",
        ),
        "battery_remaining_wh": measurement(
            "Battery energy left (Wh)",
            "Energy left in all batteries.",
            "battery_wh_remaining",
            -1e9,
            1e9,
        ),
        "calculated_load_power_w": _power(
            "Calculated load (W)",
            "Load computed from the other powers.",
            "calculated_load_power",
        ),
        "measured_load_power_w": _power(
            "Measured load (W)", "Load measured by its meter.", "measured_load_power"
        ),
        "car_power_w": _power("Car power (W)", "Power into cars.", "car_power"),
        "grid_power_w": _power(
            "Grid power (W)", "Power of the grid; the sign is not documented.", "grid_power"
        ),
        "total_generation": number(
            "Total generation",
            "Generation of all inverters; neither its unit nor whether it is power or energy is"
            " documented.",
            "total_generation",
        ),
        "error_code": integer("Error", "Code; its meaning is not documented.", "error_code"),
        "warning_code": integer("Warning", "Code; its meaning is not documented.", "warning_code"),
        **extra_fields(),
    },
)

INVERTERS_TABLE = _table(
    "ems_inverter_readings",
    "Latest readings of the inverters of each EMS, as polled.",
    {
        "number": integer(
            "Place", "Slot at the EMS, from 1.", "inverters[].number", nullable=False
        ),
        "inverter_serial": text(
            "Inverter",
            "Serial number of the inverter; null for an empty slot.",
            "inverters[].serial_number",
        ),
        "status": integer(
            "Status",
            "Code of the inverter's status.",
            "inverters[].status",
            codes="ems_inverter_status",
        ),
        "status_name": name_of_code("Status"),
        "active_power_w": _power(
            "Active power (W)", "Power of the inverter.", "inverters[].active_power"
        ),
        "soc_percent": measurement(
            "State of charge (%)", "Charge of its battery.", "inverters[].soc", 0.0, 110.0
        ),
        "temperature_celsius": measurement(
            "Temperature (°C)",
            "Temperature of the inverter.",
            "inverters[].temperature",
            -100.0,
            250.0,
        ),
    },
)

METERS_TABLE = _table(
    "ems_meter_readings",
    "Latest readings of the meters of each EMS, as polled.",
    {
        "number": integer("Place", "Slot at the EMS, from 1.", "meters[].number", nullable=False),
        "type": integer(
            "Type", "Code of the measured circuit.", "meters[].type", codes="ems_meter_type"
        ),
        "type_name": name_of_code("Type"),
        "status": integer(
            "Status", "Code of the meter's status.", "meters[].status", codes="ems_meter_status"
        ),
        "status_name": name_of_code("Status"),
        "active_power_w": _power(
            "Active power (W)", "Power at the meter.", "meters[].active_power"
        ),
    },
)


def _measured(reading: _EmsReading) -> Iterator[object]:
    """Yield all measurements, nulls included."""
    yield from (
        reading.battery_power,
        reading.battery_wh_remaining,
        reading.calculated_load_power,
        reading.car_power,
        reading.error_code,
        reading.grid_power,
        reading.measured_load_power,
        reading.total_generation,
        reading.warning_code,
    )
    for inverter in reading.inverters or ():
        yield from (
            inverter.serial_number,
            inverter.active_power,
            inverter.soc,
            inverter.temperature,
        )
    for meter in reading.meters or ():
        yield meter.active_power


class EmsReadings(PageByPage, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "ems_readings"
    version = 1
    endpoint = EMS_LATEST
    group = "ems"
    row_type = _EmsReading
    shape = ResponseShape.SINGLE
    output_tables = (READINGS_TABLE, INVERTERS_TABLE, METERS_TABLE)
    device_kinds = (DeviceKind.EMS,)
    cadence = Cadence.EVERY_POLL
    urgency = Urgency.PERISHABLE
    optional = True
    tries_devices = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request each EMS; where none is known, each inverter whether it is one."""
        listed = {device.device_id for device in state.devices_of(DeviceKind.EMS)}
        answered = {answer.device_id for answer in state.latest_responses(self.name)}
        inverters = {device.device_id for device in state.devices_of(DeviceKind.INVERTER)}
        for serial in sorted(listed | (answered & inverters)):
            yield Request(path={"ems": serial}, device_id=serial)
        if not (listed or answered) and len(inverters) <= _MOST_PROBED:
            for serial in sorted(inverters):
                yield Request(path={"ems": serial}, device_id=serial, label=PROBE)

    def tables_of_page(
        self, rows: Rows[Any], response: ArchivedResponse
    ) -> Mapping[str, TableRows]:
        """Return the rows of all tables."""
        reject_empty_readings(rows, _measured)
        times = optional_times(READINGS_TABLE.schema, rows, ("time",))["time"].to_pylist()
        readings: Sequence[_EmsReading] = rows.values

        def part(
            table: Table, items_of: Callable[[_EmsReading], Sequence[Any]], *, exploded: bool
        ) -> TableRows:
            taken = [
                (index, item)
                for index, reading in enumerate(readings)
                for item in items_of(reading)
            ]
            sent = [times[index] for index, _ in taken]
            time = pa.array([moment or response.fetched_at for moment in sent], TIME_UTC)
            columns = {
                "ems_serial": pa.repeat(pa.scalar(response.device_id), len(taken)),
                "time": time,
                **local_columns(time, response.request_zone or "UTC"),
                "time_is_fetched": pa.array([moment is None for moment in sent], pa.bool_()),
                **leaf_columns(table.schema, [item for _, item in taken], skip=("time",)),
            }
            if table is READINGS_TABLE:
                columns["extra_fields"] = extra_column(rows)
            return TableRows(columns, [rows.positions[index] for index, _ in taken], exploded)

        return {
            READINGS_TABLE.name: part(READINGS_TABLE, lambda reading: [reading], exploded=False),
            INVERTERS_TABLE.name: part(
                INVERTERS_TABLE, lambda reading: reading.inverters or (), exploded=True
            ),
            METERS_TABLE.name: part(
                METERS_TABLE, lambda reading: reading.meters or (), exploded=True
            ),
        }


DATASET = EmsReadings()
