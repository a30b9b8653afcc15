"""What the archive has, as the served API asks for it: single fetches, days, winning rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

import duckdb
import msgspec

from assets.framework.contract.sql_files import read_sql
from pipelines.account_zone import zone_of
from pipelines.dashboard.folder_reader import FolderReader
from pipelines.open_folder import stored_state
from pipelines.settings import Settings
from warehouse.archive.body_reader import BodyReader
from warehouse.archive.entry import Rank
from warehouse.connection import fetch_table
from warehouse.errors import StoreError


@dataclass(frozen=True, slots=True)
class ArchivedPage:
    """A page of a fetch: body, when it was fetched, and the device it is about."""

    body: bytes
    fetched_at: datetime
    device_id: str


@dataclass(frozen=True, slots=True)
class DayFetch:
    """A fetch of days of a device, from the first to the last, both included.

    Attributes:
        fetch_id: Its number.
        first: The first day.
        last: The last day.
        is_whole: Whether the archive has all of the list.
        segments: The segment of each of its responses, in the order of the pages.
    """

    fetch_id: int
    first: date
    last: date
    is_whole: bool
    segments: Mapping[int, int]

    @property
    def is_of_api(self) -> bool:
        """Whether the API itself sent it."""
        return Rank.of(self.fetch_id) is Rank.API


class OpenArchive:
    """The data folder as it was when it was opened."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, reader: BodyReader, zone: str
    ) -> None:
        """Read through a catalogue.

        Args:
            connection: The catalogue.
            reader: Reads bodies.
            zone: The time zone of the days.
        """
        self._connection = connection
        self._reader = reader
        self.zone = zone

    def newest_pages(
        self, path: str, method: str = "GET", filters: Mapping[str, str] | None = None
    ) -> list[ArchivedPage]:
        """Return the pages of the newest whole fetch of a path, none if there is none.

        Args:
            path: The path.
            method: The method.
            filters: Parameters that the request had.
        """
        chosen = msgspec.json.encode(filters or {}).decode()
        rows = self.rows("newest_fetch", path=path, method=method, filters=chosen)
        if not rows:
            return []
        segments = {row["response_id"]: row["segment"] for row in rows}
        device_id = rows[0]["device_id"]
        bodies = self._reader.bodies(rows[0]["dataset"], device_id, segments)
        return [
            ArchivedPage(bodies[row["response_id"]], row["fetched_at"], device_id)
            for row in rows
            if row["response_id"] in bodies
        ]

    def day_fetches(
        self, dataset: str, device_id: str, first: date, last: date
    ) -> Sequence[DayFetch]:
        """Return the fetches that cover any of these days, the newest of the highest rank first."""
        found = [
            DayFetch(
                row["fetch_id"],
                row["first_date"],
                row["last_date"],
                row["is_whole"],
                dict.fromkeys(row["response_ids"], row["segment"]),
            )
            for row in self.rows(
                "day_fetches", dataset=dataset, device=device_id, first=first, last=last
            )
        ]
        return sorted(found, key=lambda fetch: fetch.fetch_id, reverse=True)

    def bodies(
        self, dataset: str, device_id: str, segments: Mapping[int, int] | Sequence[int]
    ) -> dict[int, bytes]:
        """Return bodies by response_id.

        Args:
            dataset: The dataset of the responses.
            device_id: Their device.
            segments: The segment of each response; without them they are looked up.
        """
        if isinstance(segments, Mapping):
            return self._reader.bodies(dataset, device_id, segments)
        # The tables can be newer than the index of requests.
        known: dict[int, int | None] = dict.fromkeys(segments)
        if known:
            found = self.rows("segments", ids=list(known))
            known |= {row["response_id"]: row["segment"] for row in found}
        return self._reader.bodies(dataset, device_id, known)

    def stored_id(self, device_id: str) -> str | None:
        """Return a device's name as the archive has it, whatever its case; None if unknown."""
        found = self.rows("stored_id", device=device_id)
        return str(found[0]["device_id"]) if found else None

    def rows(
        self, name: str, texts: Mapping[str, str] | None = None, /, **parameters: Any
    ) -> list[dict[str, Any]]:
        """Run one of the queries of this package.

        Args:
            name: The name of its file.
            texts: What stands for `{name}` in it.
            parameters: The values of its parameters.
        """
        sql = _sql(name)
        found = fetch_table(self._connection, sql.format(**texts) if texts else sql, parameters)
        return list(found.to_pylist())


class ArchiveReader:
    """Opens the data folder, for one thread at a time, and follows it as it grows."""

    def __init__(self, settings: Settings, *, reopen_every_s: float) -> None:
        """Remember where the data folder is.

        Args:
            settings: Where it is.
            reopen_every_s: The least time between two openings because of changed data.
        """
        self._settings = settings
        self._folder = FolderReader(settings, reopen_every_s=reopen_every_s)
        self._reader: BodyReader | None = None

    @contextmanager
    def reading(self) -> Iterator[OpenArchive]:
        """Yield the archive; others wait meanwhile.

        Raises:
            SettingsError: The setting is no valid folder.
            WarehouseError: The folder cannot be used.
        """
        with self._folder.reading() as opened:
            if opened.connection is None:
                raise StoreError(f"there is no archive in {self._settings.data} yet")
            if self._reader is None:
                self._reader = BodyReader(opened.lake.archive)
            zone = zone_of(self._settings, stored_state(self._settings))
            yield OpenArchive(opened.connection, self._reader, zone)

    def close(self) -> None:
        """Close the folder for good."""
        self._folder.close()
        if self._reader is not None:
            self._reader.close()


@cache
def _sql(name: str) -> str:
    return read_sql(name, "pipelines.serve")
