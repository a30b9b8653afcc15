"""The catalogue's tables without files, to insert rows into, and all of its views over them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from assets.catalogue_views import catalogue_views, types_of_columns
from tests.support.flow_rows import FLOWS, HALF_HOUR
from tests.support.sql_rows import in_asked_order

DAY = timedelta(days=1)
# Those that `daily_energy` uses.
COUNTERS = (
    "today_solar_kwh", "today_grid_import_kwh", "today_grid_export_kwh",
    "today_battery_charge_kwh", "today_battery_discharge_kwh", "today_consumption_kwh",
)  # fmt: skip


def at(day: date, hour: float = 0) -> datetime:
    """Return a moment of a day, in UTC."""
    return datetime.combine(day, time(), UTC) + timedelta(hours=hour)


def days_from(first: date, count: int) -> list[date]:
    """Return so many days, from the first on."""
    return [first + DAY * number for number in range(count)]


class MartTables:
    """A database with a table for each view over files, and all views that combine them.

    Also `coverage`, which depends on the clock, is a table.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        views = catalogue_views()
        derived = {view.name for view in views}
        tables = {name: of for name, of in types_of_columns().items() if name not in derived}
        statements = []
        for name, types in tables.items():
            columns = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
            statements.append(f'CREATE TABLE "{name}" ({columns})')
        statements += [view.create for view in views]
        connection.execute("\n;\n".join(statements))

    @contextmanager
    def emptied_afterwards(self) -> Iterator[MartTables]:
        """Undo at the end what was inserted."""
        self.connection.begin()
        try:
            yield self
        finally:
            self.connection.rollback()

    def insert(self, table: str, **columns: Any) -> None:
        """Insert a row; columns that are not named are null."""
        self.insert_rows(table, [columns])

    def insert_rows(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows of the same columns."""
        self.connection.from_arrow(pa.Table.from_pylist(list(rows))).create_view("new_rows")
        self.connection.execute(f'INSERT INTO "{table}" BY NAME FROM new_rows; DROP VIEW new_rows')

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query by the names of their columns."""
        return in_asked_order(self.connection.sql(sql).to_arrow_table().to_pylist(), sql)

    def row(self, sql: str) -> dict[str, Any]:
        """Return the only row of a query."""
        (row,) = self.rows(sql)
        return row

    def expect(self, device: str, first: date, zone: str = "UTC") -> None:
        """Expect a device's flows and points from a day on."""
        for dataset in ("energy_flows", "inverter_data_points"):
            self.insert(
                "expected_days", dataset=dataset, device_id=device, first_date=first, zone=zone
            )

    def cover(self, device: str, days: Iterable[date], **states: str | None) -> None:
        """Note that flows and points of days are complete, or of another state."""
        states = {"energy_flows": "complete", "inverter_data_points": "complete"} | states
        rows = [
            {"dataset": dataset, "device_id": device, "request_date": day, "state": state}
            for dataset, state in states.items()
            for day in days
            if state
        ]
        self.insert_rows("coverage", rows)

    def list_inverter(self, serial: str, **columns: Any) -> None:
        """List an inverter, of site 1 since 2024 unless another is given."""
        values = {"site_id": 1, "model": "GIV-HY5.0", "valid_from": at(date(2024, 1, 1))}
        self.insert("inverters", inverter_serial=serial, **values | columns)

    def insert_flows(
        self, serial: str, day: date, first: int = 0, last: int = 47, **kwh: float | None
    ) -> None:
        """Insert half hours of a day in UTC, numbered from 0.

        Args:
            serial: Serial number of the inverter.
            day: The day.
            first: The first half hour.
            last: The last half hour.
            **kwh: Energies of each by the names of `FLOWS`; 0 unless given.
        """
        energies = {f"{name}_kwh": kwh.get(name, 0.0) for name in FLOWS}
        rows = []
        for number in range(first, last + 1):
            start = at(day) + number * HALF_HOUR
            local = start.replace(tzinfo=None)
            rows.append(
                {"inverter_serial": serial, "start_at": start, "start_local": local}
                | {"local_date": day, "request_date": day, **energies}
            )
        self.insert_rows("energy_flows", rows)

    def insert_points(self, serial: str, day: date, hours: Iterable[float], **columns: Any) -> None:
        """Insert data points of a day in UTC.

        Args:
            serial: Serial number of the inverter.
            day: The day.
            hours: Their times, hours from midnight.
            **columns: Their other columns.
        """
        rows = []
        for hour in hours:
            moment = at(day, hour)
            rows.append(
                {"inverter_serial": serial, "time": moment, "local_date": day, "request_date": day}
                | {"local_time": moment.replace(tzinfo=None), **columns}
            )
        self.insert_rows("inverter_data_points", rows)
