"""What is known before a dataset is refreshed: devices, earlier responses, the tables so far."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from assets.framework.contract.devices import Device, DeviceKind, Devices
from assets.framework.contract.sql_files import read_sql
from warehouse import Lake, connect, retrying


@dataclass(frozen=True, slots=True)
class LatestResponse:
    """The newest response to requests with the same path and parameters.

    Attributes:
        device_id: the device it is about.
        path: below the API's address.
        params: query and body, redacted as in the archive.
        at: when it was fetched, UTC.
        complete: whether the whole list came.
    """

    device_id: str
    path: str
    params: Mapping[str, Any]
    at: datetime
    complete: bool


@dataclass(frozen=True, slots=True)
class KnownState:
    """What a dataset can look at to decide what to request.

    Attributes:
        lake: the data folder.
        devices: of the account, by kind.
        account: key of the account.
        now: the present time, UTC.
        zone: IANA time zone of the account.
        range_days: days that one request may cover, where the endpoint takes ranges.
        refetch: whether all of history is to be requested anew.
    """

    lake: Lake
    devices: Devices
    account: str
    now: datetime
    zone: str
    range_days: int
    refetch: bool = False
    _open: list[duckdb.DuckDBPyConnection] = field(default_factory=list, repr=False, compare=False)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep the catalogue open over several queries.

        For moments only: nobody can open it for writing meanwhile. For use by one thread.
        """
        if self._open:
            yield
            return
        with connect(self.lake) as connection:
            self._open.append(connection)
            try:
                yield
            finally:
                self._open.pop()

    def devices_of(self, kind: DeviceKind) -> Sequence[Device]:
        """The devices of a kind."""
        return self.devices.get(kind, ())

    def latest_responses(self, dataset: str) -> list[LatestResponse]:
        """What was requested a dataset with success, each different request once."""
        sql = read_sql("latest_responses", __package__)
        return [
            LatestResponse(
                row["device_id"], row["path"], json.loads(row["params"]), row["at"], row["complete"]
            )
            for row in self.rows(sql, dataset=dataset)
        ]

    def rows(self, sql: str, **parameters: object) -> list[dict[str, Any]]:
        """Run a query over the catalogue; parameters stand in it as `$name`."""
        with self.reading():
            (connection,) = self._open
            table = retrying(lambda: connection.sql(sql, params=parameters).to_arrow_table())
        return list(table.to_pylist())
