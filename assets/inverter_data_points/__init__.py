"""Inverter data points: every reading of an inverter, about one per five minutes.

Source: API document, section "Inverter Data", "Get Data Points", and the recorded days.

Grain: inverter and time. The day in the path selects the local day of an ordinary inverter and the
UTC day of a Gateway (recorded). Only `time` says when a point was taken, so points outside the
requested day are kept. Several points of one inverter can have the same time (recorded): the last
one in the response wins.
"""

from collections.abc import Mapping
from datetime import date
from operator import attrgetter
from typing import Any

import pyarrow as pa

from assets.framework import (
    DailyDataset,
    DeviceKind,
    Request,
    RowByRow,
    Rows,
    extra_column,
    leaf_columns,
    list_of_structs,
    local_columns,
    parse_times,
)
from assets.inverter_data_points.point_columns import PV_ARRAYS, SCHEMA, TABLE
from assets.inverter_data_points.point_json import Point
from givenergy.endpoints.inverter_endpoints import INVERTER_DATA_POINTS
from warehouse.archive import ArchivedResponse


class InverterDataPoints(RowByRow, DailyDataset):
    """The dataset; see the module's docstring."""

    name = "inverter_data_points"
    version = 1
    endpoint = INVERTER_DATA_POINTS
    group = "inverters"
    row_type = Point
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    lateness_days = 1
    evidence = True

    def request(self, device_id: str, first: date, last: date, zone: str) -> Request:
        """Request one day of an inverter."""
        return Request(path={"inverter": device_id, "date": first.isoformat()})

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        time = parse_times(rows, "time", response.body)
        points = rows.values
        count = len(points)
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), count),
            "time": time,
            **local_columns(time, response.request_zone or "UTC"),
            "request_date": pa.repeat(pa.scalar(response.request_date, pa.date32()), count),
            "pv_arrays": list_of_structs(
                list(map(attrgetter("power.solar.arrays"), points)),
                PV_ARRAYS,
                ("array", "voltage", "current", "power"),
            ),
            **leaf_columns(SCHEMA, points, skip=("time", "pv_arrays")),
            "extra_fields": extra_column(rows),
        }


DATASET = InverterDataPoints()
