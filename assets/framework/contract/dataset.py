"""Base classes for datasets.

The framework plans, fetches, builds and presents every dataset through these classes alone. A
dataset is either requested by day (`DailyDataset`), or in its present state (`SnapshotDataset`):
lists, latest values, and histories that are read in one go. How they differ is declared in
attributes; a dataset knows nothing of how it is fetched or decoded.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from enum import IntEnum, StrEnum
from typing import Any

import msgspec
import pyarrow as pa

from assets.framework.contract.day_range import DayRange
from assets.framework.contract.devices import Device, DeviceKind
from assets.framework.contract.json_rows import ResponseShape, Rows
from assets.framework.contract.known_state import KnownState
from assets.framework.contract.request import Request
from assets.framework.contract.table import Table, TableRows
from givenergy import Fetched
from givenergy.endpoints.definition import Endpoint
from warehouse import ArchivedResponse, CoverageRule


class Dataset(ABC):
    """One endpoint, and the tables that its answers fill.

    Attributes:
        name: under which responses are archived.
        version: counts changes of the rows made of a response; a higher one rebuilds the tables.
        endpoint: where the data comes from.
        group: heading under which Dagster shows it.
        row_type: the JSON of one row of the answer.
        shape: where in an answer its rows are.
        output_tables: the tables that are filled, the main one first.
        device_kinds: the kinds of devices that it requests; none if it requests the account.
        depends_on: tables of other datasets that tell it what to request, besides device lists.
        optional: whether an account, its plan or the API can lack the endpoint; that is found out
            once, remembered and reported, and is no failure.
        takes_ranges: whether one request can cover several days.
        stops_when_refused: whether a device that refuses several requests in a row gets no more
            of them in a run, and a run ends that every device refuses. For datasets that make many
            requests per device.
    """

    name: str
    version: int
    endpoint: Endpoint
    group: str
    row_type: type[msgspec.Struct]
    shape: ResponseShape = ResponseShape.LIST
    output_tables: tuple[Table, ...]
    device_kinds: tuple[DeviceKind, ...] = ()
    depends_on: tuple[str, ...] = ()
    optional: bool = False
    takes_ranges: bool = False
    stops_when_refused: bool = False

    @property
    def main(self) -> Table:
        """The table that stands for the dataset."""
        return self.output_tables[0]

    def listed_by(self, response: ArchivedResponse) -> str:
        """Name the list that an answer belongs to: a device's, or the account's."""
        return response.device_id or response.account

    @abstractmethod
    def parts_of_fetch(
        self, pages: Sequence[tuple[Rows[Any], ArchivedResponse]]
    ) -> Sequence[Mapping[str, TableRows]]:
        """Make the rows of each table from all pages of a fetch, page by page.

        Rows with a value that cannot be read are moved to `rows.rejected` of their page. Provenance
        and the names of codes are filled in by the framework.
        """

    @property
    def coverage_rules(self) -> tuple[CoverageRule, ...]:
        """From when a day is final; empty if the dataset is not requested by day."""
        return ()

    def rows_by_day(
        self, bodies: Sequence[bytes], first: date, last: date, zone: str
    ) -> list[int] | None:
        """Count the rows of each day from `first` to `last` in the pages of an answer.

        None if each request is for one day and its answer holds rows of that day alone.
        """
        return None


class PageByPage(Dataset):
    """A dataset that can make rows of a page without looking at the others of its fetch."""

    @abstractmethod
    def parts(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, TableRows]:
        """Make the rows of each table from one page."""

    def parts_of_fetch(
        self, pages: Sequence[tuple[Rows[Any], ArchivedResponse]]
    ) -> Sequence[Mapping[str, TableRows]]:
        """Make the rows of each page."""
        return [self.parts(rows, response) for rows, response in pages]


class RowByRow(PageByPage):
    """A dataset of which each row of an answer is a row of its one table."""

    @abstractmethod
    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Make the columns of the table from one page."""

    def parts(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, TableRows]:
        """Make the rows of the table."""
        return {self.main.name: TableRows(self.columns(rows, response), rows.positions)}


class DailyDataset(Dataset):
    """A dataset requested by day.

    Attributes:
        lateness_days: for how many days after its end a day can still change.
        today_cron: when the present day is brought up to date.
    """

    lateness_days: int
    today_cron: str = "*/30 * * * *"
    stops_when_refused = True

    @property
    def coverage_rule(self) -> CoverageRule:
        """From when a day of the dataset is final."""
        return CoverageRule(self.name, self.lateness_days)

    @property
    def coverage_rules(self) -> tuple[CoverageRule, ...]:
        """From when a day of the dataset is final."""
        return (self.coverage_rule,)

    @abstractmethod
    def request(self, device_id: str, first: date, last: date, zone: str) -> Request:
        """Return path and parameters for days of a device, both included, in a time zone."""

    def day_request(self, day_range: DayRange, zone: str) -> Request:
        """Return the request for days of a device, which can be made for fewer of them as well."""
        return replace(
            self.request(day_range.device_id, day_range.first, day_range.last, zone),
            device_id=day_range.device_id,
            day_range=day_range,
            for_days=lambda part: self.day_request(part, zone),
        )


class Cadence(StrEnum):
    """How often a dataset is requested by itself."""

    EVERY_POLL = "tick"  # with every poll, as its past is not available later
    DAILY = "daily"
    WEEKLY = "weekly"


class Urgency(IntEnum):
    """What is requested first when an account is seen for the first time."""

    PERISHABLE = 0  # not available later
    DEVICES = 1  # which devices exist
    HISTORY = 2


class SnapshotDataset(Dataset):
    """A dataset requested in its present state.

    Attributes:
        cadence: how often.
        urgency: what goes first.
    """

    cadence: Cadence = Cadence.DAILY
    urgency: Urgency = Urgency.HISTORY

    @abstractmethod
    def requests(self, state: KnownState) -> Iterator[Request]:
        """Return what to request now, given what is known so far."""

    def observe_responses(
        self, state: KnownState, responses: Sequence[tuple[Request, Fetched]]
    ) -> None:
        """Note what the answers of one run tell about the API itself."""


class DeviceList(SnapshotDataset):
    """A list of devices, which tells the other datasets what to request.

    Attributes:
        kinds: what it lists.
    """

    urgency = Urgency.DEVICES
    kinds: tuple[DeviceKind, ...]

    @abstractmethod
    def devices(self, state: KnownState) -> Mapping[DeviceKind, Sequence[Device]]:
        """Read the devices from the tables."""

    @abstractmethod
    def ids_of(self, element: Mapping[str, Any]) -> Collection[str]:
        """Name the devices that an element of the list is about."""

    def without(self, body: bytes, device_ids: Collection[str]) -> bytes:
        """Return an archived list without some devices."""
        answer = msgspec.json.decode(body)
        answer["data"] = [
            element for element in answer["data"] if not set(self.ids_of(element)) & set(device_ids)
        ]
        return msgspec.json.encode(answer)
