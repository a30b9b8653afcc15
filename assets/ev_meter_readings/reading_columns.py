"""The table of EV meter readings and its JSON."""

from typing import Any

import pyarrow as pa

from assets.framework import (
    InRange,
    Int64,
    Table,
    Wire,
    column,
    extra_fields,
    integer,
    name_of_code,
    provenance_columns,
    reading_time,
    table_schema,
    text,
    with_source,
)


class Measurement(Wire):
    """One measurement; what is no number in it is sorted out one by one."""

    measurand: Any = None
    value: Any = None
    unit: Any = None


class DataPoint(Wire):
    """What one meter measured at one time."""

    meter_id: Int64 | None = None
    timestamp: str | None = None
    measurements: list[Measurement] | None = None


_TIME = reading_time()

TABLE = Table(
    name="ev_meter_readings",
    description="Every measurement of every meter of an EV charger, about one a minute.",
    schema=table_schema(
        {
            "charger_uuid": text("Charger", "UUID of the charger.", nullable=False),
            "meter_id": integer(
                "Meter", "Code of the meter.", "meter_id", codes="ev_meter", nullable=False
            ),
            "meter_name": name_of_code("Meter"),
            "time": with_source(_TIME["time"], "timestamp"),
            "local_time": _TIME["local_time"],
            "local_date": _TIME["local_date"],
            "request_date": column(
                pa.date32(), "Requested date", "Day of the request: the local date."
            ),
            "measurand": integer(
                "Measurand",
                "Code of the measured quantity.",
                "measurements[].measurand",
                codes="measurand",
                nullable=False,
            ),
            "measurand_name": name_of_code("Measurand"),
            "value": column(
                pa.float64(),
                "Value",
                "The value as sent, in the unit as sent: not comparable between rows.",
                source="measurements[].value",
                checks=[InRange(-1e12, 1e12)],
            ),
            "unit": integer("Unit", "The unit as sent.", "measurements[].unit", codes="unit"),
            "unit_name": name_of_code("Unit"),
            "value_normalised": column(
                pa.float64(),
                "Value, normalised",
                "The value in `unit_normalised`; null where its unit is neither sent nor certain,"
                " and where the value would be more than hardware can measure in it.",
                computed_from=("value",),
            ),
            "unit_normalised": text(
                "Unit, normalised",
                "W, Wh, var, varh, VA, A, V, Hz, °C, % or rpm; none for a power factor.",
            ),
            **extra_fields(),
            **provenance_columns(),
        }
    ),
    key=("charger_uuid", "meter_id", "time", "measurand"),
    time_column="time",
    device_column="charger_uuid",
)
