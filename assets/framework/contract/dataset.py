"""What a dataset module has to say about itself.

The framework plans, collects, builds and presents every dataset through these classes alone. A
dataset is either asked for by day (`DailyDataset`), or asked for as it stands now
(`SnapshotDataset`): lists, latest values, and histories that are read in one go.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from enum import IntEnum, StrEnum
from typing import Any

import msgspec
import pyarrow as pa

from assets.framework.contract.devices import Device, DeviceKind
from assets.framework.contract.json_rows import ResponseShape, Rows
from assets.framework.contract.known_state import KnownState
from assets.framework.contract.request import Request
from assets.framework.contract.table import Table
from assets.framework.decoding.decoder import DecodingBatch, TableRows
from assets.framework.decoding.decoder_failures import Fetches, decode_separately
from givenergy import Fetched
from givenergy.endpoints.definition import Endpoint
from warehouse import ArchivedResponse, CoverageRule, Decoded


class Dataset(ABC):
    """One endpoint, and the tables that its answers fill.

    Attributes:
        name: under which responses are archived.
        version: counts changes of what `decode` yields; a higher one rebuilds the tables.
        endpoint: where the data comes from.
        group: heading under which Dagster shows it.
        row_type: the JSON of one row of the answer.
        shape: where in an answer its rows stand.
        made: the tables that are filled, the one that stands for the dataset first.
        about: the kinds of devices that it asks about; none where it asks about the account.
        reads: tables of other datasets from which it knows what to ask, besides device lists.
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

    def __init__(self) -> None:
        self.tables = tuple(table.spec(self.version) for table in self.output_tables)

    @property
    def dataset(self) -> str:
        """The name under which responses are archived."""
        return self.name

    @property
    def main(self) -> Table:
        """The table that stands for the dataset."""
        return self.output_tables[0]

    def listed_by(self, response: ArchivedResponse) -> str:
        """Name the list that vouches for the things of an answer: a device's, or the account's."""
        return response.device_id or response.account

    @abstractmethod
    def parts_of_fetch(
        self, pages: Sequence[tuple[Rows[Any], ArchivedResponse]]
    ) -> Sequence[Mapping[str, TableRows]]:
        """Make the rows of each table out of all pages of a fetch, page by page.

        Rows of which a value cannot be read are moved to `rows.rejected` of their page. Provenance
        and the names of codes are filled in by the framework.
        """

    def decode(self, responses: Sequence[ArchivedResponse]) -> Decoded:
        """Decode archived responses: valid rows, quarantined ones with their reason, drift.

        Every row of every response ends up in exactly one of the two.
        """
        fetches: dict[int, list[ArchivedResponse]] = {}
        for response in responses:
            fetches.setdefault(response.fetch_id, []).append(response)
        pages = [sorted(pages, key=lambda page: page.page) for pages in fetches.values()]
        return decode_separately(self, self._decoded, pages)

    def _decoded(self, fetches: Fetches) -> Decoded:
        batch = DecodingBatch(self)
        for pages in fetches:
            batch.add_fetch(pages)
        return batch.decoded()


class PageByPage(Dataset):
    """A dataset that can make rows of a page without looking at the others of its fetch."""

    @abstractmethod
    def parts(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, TableRows]:
        """Make the rows of each table out of one page."""

    def parts_of_fetch(
        self, pages: Sequence[tuple[Rows[Any], ArchivedResponse]]
    ) -> Sequence[Mapping[str, TableRows]]:
        """Make the rows of each page."""
        return [self.parts(rows, response) for rows, response in pages]


class RowByRow(PageByPage):
    """A dataset of which each row of an answer is a row of its one table."""

    @abstractmethod
    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Make the columns of the table out of one page."""

    def parts(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, TableRows]:
        """Make the rows of the table."""
        return {self.main.name: TableRows(self.columns(rows, response), rows.positions)}


class DailyDataset(Dataset):
    """A dataset asked for by day.

    Attributes:
        lateness_days: for how many days after its end a day can still change.
        takes_ranges: whether one request can cover several days.
        today_cron: when the day that is going on is brought up to date.
    """

    lateness_days: int
    takes_ranges: bool = False
    today_cron: str = "*/30 * * * *"

    @property
    def coverage_rule(self) -> CoverageRule:
        """From when a day of the dataset is final."""
        return CoverageRule(self.name, self.lateness_days)

    @abstractmethod
    def request(self, device_id: str, first: date, last: date, zone: str) -> Request:
        """Say what to request for days of a device, both included, understood in a time zone."""

    def rows_by_day(
        self, bodies: Sequence[bytes], first: date, last: date, zone: str
    ) -> list[int] | None:
        """Count the rows of each day from `first` to `last` in the pages of an answer.

        None where each request is for one day and its answer holds rows of that day alone.
        """
        return None


class Cadence(StrEnum):
    """How often a dataset is asked for by itself."""

    EVERY_POLL = "tick"  # with every poll, as its past cannot be had later
    DAILY = "daily"
    WEEKLY = "weekly"


class Urgency(IntEnum):
    """What is asked for first when an account is seen for the first time."""

    PERISHABLE = 0  # cannot be had later
    DEVICES = 1  # which things there are
    HISTORY = 2


class SnapshotDataset(Dataset):
    """A dataset asked for as it stands now.

    Attributes:
        cadence: how often.
        urgency: what goes first.
        optional: whether an account, its plan or the API can lack the endpoint; that is found out
            once, remembered and reported, and is no failure.
    """

    cadence: Cadence = Cadence.DAILY
    urgency: Urgency = Urgency.HISTORY
    optional: bool = False

    @abstractmethod
    def requests(self, state: KnownState) -> Iterator[Request]:
        """Say what to request now, given what is known so far."""

    def observe_responses(
        self, state: KnownState, answers: Sequence[tuple[Request, Fetched]]
    ) -> None:
        """Take note of what the answers of one refresh tell about the API itself."""


class DeviceList(SnapshotDataset):
    """A list of devices, from which the other datasets know whom to ask about.

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
        """Take devices out of an archived list."""
        answer = msgspec.json.decode(body)
        answer["data"] = [
            element for element in answer["data"] if not set(self.ids_of(element)) & set(device_ids)
        ]
        return msgspec.json.encode(answer)
