"""Inverter grid meter readings: the history of the meters wired to an inverter.

Source: later versions of the API than the documented one have `GET /inverter/{serial}/meter/data`
(address 1 to 8, start and end). No document or recording shows a response: leaves and units are
those that such a meter (EM115) probably has, and all others are kept in `extra_fields`.

Grain: inverter, address of the meter, and time. The list of communication devices names the meters.

Requests: per meter, one for each span of as many days as the owner allows (halved if the API
refuses it) until the whole history is fetched; then one per day for the last day and anything
newer. An API without the endpoint is probed once and then from time to time.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from assets.framework import (
    CLOCK_MARGIN,
    EARLIEST_DATA,
    Cadence,
    Device,
    DeviceKind,
    Int64,
    KnownState,
    Request,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
    TimeSpan,
    Wire,
    extra_column,
    extra_fields,
    integer,
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
from givenergy.endpoints.inverter_endpoints import INVERTER_GRID_METER_DATA
from warehouse import ArchivedResponse

Span = tuple[datetime, datetime]

# How long after its end a span can still get readings.
_LATENESS = timedelta(days=1)
_SHORTEST = timedelta(days=1)
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class _GridMeterReading(Wire):
    time: str | None = None
    address: Int64 | None = None
    voltage: float | None = None
    current: float | None = None
    active_power: float | None = None
    reactive_power: float | None = None
    apparent_power: float | None = None
    power_factor: float | None = None
    frequency: float | None = None
    import_active_energy: float | None = None
    export_active_energy: float | None = None


_POWER = (-2_000_000.0, 2_000_000.0)
_ENERGY = (-100.0, 1e8)
_GUESSED = "The unit is not documented."

TABLE = Table(
    name="inverter_grid_meter_readings",
    description="Every reading of the meters that are wired to an inverter.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            "address": integer(
                "Address", "Address of the meter on the inverter's bus.", "address", nullable=False
            ),
            **reading_time(),
            "voltage_v": measurement(
                "Voltage (V)", f"Voltage at the meter. {_GUESSED}", "voltage", -10.0, 10_000.0
            ),
            "current_a": measurement(
                "Current (A)", f"Current at the meter. {_GUESSED}", "current", -5_000.0, 5_000.0
            ),
            "active_power_w": measurement(
                "Active power (W)", f"Active power. {_GUESSED}", "active_power", *_POWER
            ),
            "reactive_power_var": measurement(
                "Reactive power (var)", f"Reactive power. {_GUESSED}", "reactive_power", *_POWER
            ),
            "apparent_power_va": measurement(
                "Apparent power (VA)", f"Apparent power. {_GUESSED}", "apparent_power", *_POWER
            ),
            "power_factor": measurement(
                "Power factor", "Active over apparent power.", "power_factor", -100.0, 100.0
            ),
            "frequency_hz": measurement(
                "Frequency (Hz)", f"Frequency at the meter. {_GUESSED}", "frequency", 0.0, 1_000.0
            ),
            "import_active_energy_kwh": measurement(
                "Imported (kWh)",
                f"Counter of the energy taken from the grid. {_GUESSED}",
                "import_active_energy",
                *_ENERGY,
            ),
            "export_active_energy_kwh": measurement(
                "Exported (kWh)",
                f"Counter of the energy given to the grid. {_GUESSED}",
                "export_active_energy",
                *_ENERGY,
            ),
            **extra_fields(),
            **provenance_columns(),
        }
    ),
    key=("inverter_serial", "address", "time"),
    time_column="time",
    device_column="inverter_serial",
)


class InverterGridMeterReadings(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "inverter_grid_meter_readings"
    version = 1
    endpoint = INVERTER_GRID_METER_DATA
    group = "inverters"
    row_type = _GridMeterReading
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    cadence = Cadence.DAILY
    optional = True
    sample_params = (("address", 1),)

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request each meter for what is missing, newest first."""
        began = {d.device_id: _begin(d) for d in state.devices_of(DeviceKind.INVERTER)}
        covered = {} if state.refetch else _covered(state)
        now = (state.now - CLOCK_MARGIN).replace(microsecond=0)
        for row in state.rows(read_sql("grid_meters_known")):
            meter = (row["inverter_serial"], row["address"])
            if meter[0] not in began:
                continue
            for span in missing((began[meter[0]], now), covered.get(meter, ())):
                yield from map(_MeterRequests(*meter), cut(span, timedelta(days=state.range_days)))

    def requested_time(self, response: ArchivedResponse) -> TimeSpan:
        """Return the requested span, with a margin."""
        sent = msgspec.json.decode(response.params)
        if not {"start_time", "end_time"} <= sent.keys():
            return super().requested_time(response)
        start, end = (
            datetime.strptime(sent[name], _FORMAT).replace(tzinfo=UTC)
            for name in ("start_time", "end_time")
        )
        return TimeSpan.around(start, end)

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response; a row without an address has the requested one."""
        time = parse_times(rows, "time", response.body)
        requested = msgspec.json.decode(response.params).get("address")
        addresses = [requested if row.address is None else row.address for row in rows.values]
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), len(addresses)),
            "time": time,
            **local_columns(time, response.request_zone or "UTC"),
            **leaf_columns(TABLE.schema, rows.values, skip=("time", "address")),
            "address": pa.array(addresses, pa.int64()),
            "extra_fields": extra_column(rows),
        }


class _MeterRequests:
    """Makes requests about one meter."""

    def __init__(self, serial: str, address: int) -> None:
        self._serial = serial
        self._address = address

    def __call__(self, span: Span) -> Request:
        start, end = (moment.strftime(_FORMAT) for moment in span)
        return Request(
            path={"inverter": self._serial},
            query={"address": self._address, "start_time": start, "end_time": end},
            device_id=self._serial,
            label=f"meter {self._address} {start} {end}",
            part=f"meter {self._address}",
            fallback=lambda: [self(half) for half in _halves(span)],
        )


def _begin(device: Device) -> datetime:
    """Return the time before which a meter can have no reading; commissioning is a local day."""
    if device.commissioned_at is None:
        return EARLIEST_DATA
    return device.commissioned_at - timedelta(days=1)


def missing(whole: Span, covered: Sequence[Span]) -> list[Span]:
    """List the parts of a span that other spans leave uncovered, newest first."""
    uncovered = []
    start, end = whole
    for begin, until in sorted(covered):
        if min(begin, end) > start:
            uncovered.append((start, min(begin, end)))
        start = max(start, until)
        if start >= end:
            break
    if start < end:
        uncovered.append((start, end))
    return uncovered[::-1]


def cut(span: Span, longest: timedelta) -> Iterator[Span]:
    """Cut a span into parts that are not too long, newest first."""
    start, end = span
    while end - start > longest:
        yield end - longest, end
        end -= longest
    yield start, end


def _halves(span: Span) -> Sequence[Span]:
    start, end = span
    if end - start <= _SHORTEST:
        return ()
    middle = (start + (end - start) / 2).replace(microsecond=0)
    return [(middle, end), (start, middle)]


def _covered(state: KnownState) -> dict[tuple[str, int], list[Span]]:
    """Return, by meter, the spans whose data are complete and final."""
    covered: dict[tuple[str, int], list[Span]] = {}
    for answer in state.latest_responses(InverterGridMeterReadings.name):
        start, end = (
            datetime.strptime(answer.params[name], _FORMAT).replace(tzinfo=UTC)
            for name in ("start_time", "end_time")
        )
        until = min(end, answer.at - _LATENESS)
        if answer.complete and until > start:
            meter = (answer.device_id, int(answer.params["address"]))
            covered.setdefault(meter, []).append((start, until))
    return covered


DATASET = InverterGridMeterReadings()
