"""The known state when requests are planned: devices, earlier responses, current tables."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from assets.framework.contract.devices import Device, DeviceKind, Devices
from assets.framework.contract.setting_choice import NO_SETTING_READS, SettingReads
from assets.framework.contract.sql_files import read_sql
from warehouse.connection import connect, fetch_table
from warehouse.lake import Lake


@dataclass(frozen=True, slots=True)
class LatestResponse:
    """The latest response to requests with the same path and parameters.

    Attributes:
        device_id: The device it is about.
        path: Path below the base URL of the API.
        params: Query and body, redacted as in the archive.
        at: Time when it was fetched, UTC.
        complete: Whether the list is complete.
    """

    device_id: str
    path: str
    params: Mapping[str, Any]
    at: datetime
    complete: bool


@dataclass(frozen=True, slots=True)
class KnownState:
    """State that a dataset reads to decide what to request.

    Attributes:
        lake: The data folder.
        devices: Devices of the account by kind.
        account: Key of the account.
        now: The present time, UTC.
        zone: IANA time zone of the account.
        range_days: Maximum number of days per request, if the endpoint takes ranges.
        refetch: Whether to request the whole history again.
        retry_refused: Whether to request what was refused, although it is not due.
        setting_reads: The settings of inverters to read.
    """

    lake: Lake
    devices: Devices
    account: str
    now: datetime
    zone: str
    range_days: int
    refetch: bool = False
    retry_refused: bool = False
    setting_reads: SettingReads = NO_SETTING_READS
    _connections: list[duckdb.DuckDBPyConnection] = field(
        default_factory=list, repr=False, compare=False
    )

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep the catalogue open over several queries.

        Keep it short: no process can open the catalogue for writing meanwhile. Not thread-safe.
        """
        if self._connections:
            yield
            return
        with connect(self.lake) as connection:
            self._connections.append(connection)
            try:
                yield
            finally:
                self._connections.pop()

    def devices_of(self, kind: DeviceKind) -> Sequence[Device]:
        """Return the devices of a kind."""
        return self.devices.get(kind, ())

    def latest_responses(self, dataset: str) -> list[LatestResponse]:
        """Return the latest successful response to each different request of a dataset."""
        sql = read_sql("latest_responses", __package__)
        return [
            LatestResponse(
                row["device_id"], row["path"], json.loads(row["params"]), row["at"], row["complete"]
            )
            for row in self.rows(sql, dataset=dataset)
        ]

    def rows(self, sql: str, **parameters: object) -> list[dict[str, Any]]:
        """Return the rows of a query on the catalogue; parameters are written `$name`."""
        with self.reading():
            (connection,) = self._connections
            return list(fetch_table(connection, sql, parameters).to_pylist())
