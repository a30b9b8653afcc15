"""Energy flows: the energy between PV, battery, grid and home, per half hour.

Source: API document, section "Energy Flow Data", "Get Energy Flow Data", and the recorded days.

Grain: inverter and start. Labels are local times without an offset, for a Gateway too. In the
repeated hour in autumn, equal labels are distinguished by their order in the response; a single one
is taken for the earlier and marked ambiguous. A label in the skipped hour in spring is quarantined
as `nonexistent_local_time`. Half hours that are missing or not over are absent, never zero. The API
revises recent half hours for some days (recorded). Energies are often unrounded, such as 9e-14
instead of zero (recorded), and are stored as sent.

Requests: one per inverter and range of days. The response includes the half hour that begins at the
end of the range (recorded); it belongs to the next day, is stored and is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa

from assets.framework import (
    TIME_LOCAL,
    Column,
    DailyDataset,
    DeviceKind,
    Moments,
    Request,
    RowByRow,
    Rows,
    Table,
    Wire,
    column,
    elements,
    extra_column,
    extra_fields,
    flag,
    folds_by_order,
    instant,
    measurement,
    parse_local_times,
    provenance_columns,
    reject,
    table_schema,
    text,
    to_utc,
)
from givenergy.endpoints.inverter_endpoints import ENERGY_FLOWS
from warehouse.archive import ArchivedResponse

if TYPE_CHECKING:
    import pandas as pd


HALF_HOURLY = 0


class _Kwh(Wire):
    pv_to_home: float | None = msgspec.field(default=None, name="0")
    pv_to_battery: float | None = msgspec.field(default=None, name="1")
    pv_to_grid: float | None = msgspec.field(default=None, name="2")
    grid_to_home: float | None = msgspec.field(default=None, name="3")
    grid_to_battery: float | None = msgspec.field(default=None, name="4")
    battery_to_home: float | None = msgspec.field(default=None, name="5")
    battery_to_grid: float | None = msgspec.field(default=None, name="6")


class FlowRow(Wire):
    """One row of a response, in whatever grouping."""

    start_time: str | None = None
    end_time: str | None = None
    data: _Kwh = msgspec.field(default_factory=_Kwh)


class _Start(msgspec.Struct):
    start_time: str


# In the order of their codes, domain flow_type of `codes`.
_FLOWS = {
    "pv_to_home": ("PV to home", "Solar energy used in the home directly."),
    "pv_to_battery": ("PV to battery", "Solar energy that charges the battery."),
    "pv_to_grid": ("PV to grid", "Solar energy exported."),
    "grid_to_home": ("Grid to home", "Grid energy used in the home directly."),
    "grid_to_battery": ("Grid to battery", "Grid energy that charges the battery."),
    "battery_to_home": ("Battery to home", "Battery energy used in the home."),
    "battery_to_grid": ("Battery to grid", "Battery energy exported."),
}
# The last digits of nothing can be negative, as energies are differences of counters.
_LOWEST_KWH = -1.0
# 2 MW, as the limits of powers.
_MOST_IN_HALF_AN_HOUR_KWH = 1_000.0


def flow_schema(most_kwh: float) -> dict[str, Column]:
    """Describe the column of each type of flow."""
    return {
        f"{name}_kwh": measurement(
            f"{title} (kWh)", description, f"data.{code}", _LOWEST_KWH, most_kwh
        )
        for code, (name, (title, description)) in enumerate(_FLOWS.items())
    }


def flow_columns(rows: Sequence[FlowRow]) -> dict[str, pa.Array]:
    """Return the column of each type of flow; null where it was not sent."""
    return {
        f"{name}_kwh": pa.array([getattr(row.data, name) for row in rows], pa.float64())
        for name in _FLOWS
    }


def flow_request(device_id: str, first: date, end: date, grouping: int, label: str = "") -> Request:
    """Request all flows from a day to whatever begins at the start of another one."""
    body = {
        "start_time": first.isoformat(),
        "end_time": end.isoformat(),
        "grouping": grouping,
        "types": list(range(len(_FLOWS))),
    }
    return Request(path={"inverter": device_id}, body=body, device_id=device_id, label=label)


TABLE = Table(
    name="energy_flows",
    description="Energy that flowed between PV, battery, grid and home, half hour by half hour.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            "start_at": instant(
                "Start (UTC)", "When the half hour began, in UTC.", "start_time", nullable=False
            ),
            "end_at": instant(
                "End (UTC)", "When the half hour ended, in UTC.", "end_time", nullable=False
            ),
            "start_local": column(
                TIME_LOCAL,
                "Start (local)",
                "The start as sent: local time.",
                source="start_time",
                nullable=False,
            ),
            "end_local": column(
                TIME_LOCAL,
                "End (local)",
                "The end as sent: local time.",
                source="end_time",
                nullable=False,
            ),
            "fold": column(
                pa.int8(),
                "Fold",
                "1 for the later of two starts with the same local time in autumn, else 0.",
                nullable=False,
            ),
            "is_ambiguous": flag(
                "Ambiguous",
                "Whether the local start comes twice that day, but once in the response.",
            ),
            "local_date": column(
                pa.date32(), "Local date", "Day of the local start.", nullable=False
            ),
            "request_date": column(
                pa.date32(), "Requested date", "Day of the request: the local date.", nullable=False
            ),
            **flow_schema(_MOST_IN_HALF_AN_HOUR_KWH),
            **extra_fields(),
            **provenance_columns(),
        }
    ),
    key=("inverter_serial", "start_at"),
    time_column="start_at",
    device_column="inverter_serial",
    requested_columns=("end_at",),
)


class EnergyFlows(RowByRow, DailyDataset):
    """The dataset; see the module's docstring."""

    name = "energy_flows"
    version = 2
    endpoint = ENERGY_FLOWS
    group = "energy_flows"
    row_type = FlowRow
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    lateness_days = 3
    evidence = True
    takes_ranges = True
    if_ended = (
        "The view half_hourly_balance derives half hours without a flow from data points. To"
        " request flows no longer, set GIVLAKE_DATASETS=-energy_flows,-energy_flow_aggregates."
    )
    today_cron = "10 */3 * * *"

    def request(self, device_id: str, first: date, last: date, zone: str) -> Request:
        """Request up to the midnight that ends the last day."""
        return flow_request(device_id, first, last + timedelta(days=1), HALF_HOURLY)

    def rows_by_day(
        self, bodies: Sequence[bytes], first: date, last: date, zone: str
    ) -> list[int] | None:
        """Count the half hours that begin on each day.

        Rows whose label cannot be read count for the first day: a response that is not understood
        must not make a day empty.
        """
        counts = [0] * ((last - first).days + 1)
        for day in _days_of(bodies):
            number = 0 if day is None else (day - first).days
            if 0 <= number < len(counts):
                counts[number] += 1
        return counts

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        zone = response.request_zone or "UTC"
        _reject_left_out(rows, response.body, zone)
        start_local, end_local = parse_local_times(rows, ("start_time", "end_time"), response.body)
        starts = Moments.from_local(start_local, zone)
        fold, is_ambiguous = folds_by_order(start_local, starts.repeated)
        start = starts.starts(fold)
        end = _ends(start, start_local, end_local, starts.repeated, zone)
        ended = np.asarray(end.notna())
        if not ended.all():
            reject(rows, np.flatnonzero(~ended).tolist(), "end_time", response.body)
        kept = pa.array(ended)
        local_date = start_local.filter(kept).cast(pa.date32(), safe=False)
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), len(rows.values)),
            "start_at": to_utc(start[ended]),
            "end_at": to_utc(end[ended]),
            "start_local": start_local.filter(kept),
            "end_local": end_local.filter(kept),
            "fold": pa.array(fold[ended], pa.int8()),
            "is_ambiguous": pa.array(is_ambiguous[ended], pa.bool_()),
            "local_date": local_date,
            "request_date": local_date,
            **flow_columns(rows.values),
            "extra_fields": extra_column(rows),
        }


def _reject_left_out(rows: Rows[Any], body: bytes, zone: str) -> None:
    """Move rows whose start the clock leaves out, as it is put forward, to the rejected ones."""
    (labels,) = parse_local_times(rows, ("start_time",), body)
    left_out = np.flatnonzero(~Moments.from_local(labels, zone).exist).tolist()
    reject(rows, left_out, "start_time", body, reason="nonexistent_local_time")


def _ends(
    start: pd.DatetimeIndex,
    start_local: pa.Array,
    end_local: pa.Array,
    twice: np.ndarray,
    zone: str,
) -> pd.DatetimeIndex:
    """Find the moment of each end; NaT where it is not after the start.

    In the hour that comes twice, the label of an end may be the clock's or the start's and half an
    hour: the earlier of the two readings is taken.
    """
    end = Moments.from_local(end_local, zone, shift=True).after(start)
    import pandas as pd

    length = pd.TimedeltaIndex(end_local.to_pandas() - start_local.to_pandas())
    counted_on = start + length
    earlier = twice & np.asarray(length > pd.Timedelta(0)) & np.asarray(counted_on < end)
    return end.where(~earlier, counted_on)


def _days_of(bodies: Iterable[bytes]) -> Iterable[date | None]:
    """Return the day of each row, None if it cannot be read."""
    decoder = msgspec.json.Decoder(_Start)
    for body in bodies:
        for raw in elements(body):
            try:
                yield date.fromisoformat(decoder.decode(raw).start_time[:10])
            except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
                yield None


DATASET = EnergyFlows()
