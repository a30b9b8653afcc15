"""Base classes for datasets.

The framework plans, fetches, builds and presents every dataset through these classes only. A
dataset is requested either by day (`DailyDataset`) or in its present state (`SnapshotDataset`),
such as lists, latest values, and histories that one request reads. Attributes declare the
differences; a dataset does not know how it is fetched.
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
from assets.framework.contract.requested_time import TimeSpan
from assets.framework.contract.sql_files import read_sql
from assets.framework.contract.table import Table, TableRows
from givenergy.endpoints.definition import Endpoint
from givenergy.json_decoding import decode_json
from givenergy.models import Fetched
from warehouse.archive import ArchivedResponse
from warehouse.coverage import CoverageRule


class Dataset(ABC):
    """An endpoint and the tables that its responses fill.

    Attributes:
        name: Name of the dataset in the archive.
        version: Version of the decoded rows; a higher one rebuilds the tables.
        endpoint: Endpoint of the API.
        group: Asset group in Dagster.
        row_type: The JSON of one row of the response.
        shape: Location of the rows in a response.
        output_tables: Tables of the dataset, the main one first.
        device_kinds: Kinds of devices requested; empty if it requests the account.
        depends_on: Tables of other datasets that `requests` reads, except device lists.
        optional: Whether an account, its plan or the API can lack the endpoint; this is remembered
            and reported, and is no failure.
        tries_devices: Whether it is requested of devices that may be of another kind: a 404 is
            about the device alone.
        takes_ranges: Whether one request can cover several days.
        is_partial: Whether its tables have only some leaves of a response by design.
        on_request: Whether it is fetched only if the owner names it, as it is about people.
        has_numeric_ids: Whether what it requests (an account, a site) is known by a number.
        sample_params: Parameters that decoding a response needs, with values that stand for those
            of an unknown request.
        if_ended: What to use once the API, which calls the endpoint deprecated, refuses it.
        stops_when_refused: Whether a device that refuses several requests in a row is skipped for
            the rest of a run, and a run stops if every device refuses. For datasets that make
            many requests per device.
        lists_all: Whether a complete response has all items of its list, so that others are gone.
        lacks_days: Whether its requests are about days for which the API can have nothing, which is
            no failure once it has answered for another one.
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
    tries_devices: bool = False
    takes_ranges: bool = False
    is_partial: bool = False
    on_request: bool = False
    has_numeric_ids: bool = False
    sample_params: tuple[tuple[str, int], ...] = ()
    if_ended: str = ""
    stops_when_refused: bool = False
    lists_all: bool = True
    lacks_days: bool = False

    @property
    def main(self) -> Table:
        """The main table of the dataset."""
        return self.output_tables[0]

    def listed_by(self, response: ArchivedResponse) -> str:
        """Return the key of the list that a response belongs to: a device or the account."""
        return response.device_id or response.account

    @abstractmethod
    def tables_of_fetch(
        self, pages: Sequence[tuple[Rows[Any], ArchivedResponse]]
    ) -> Sequence[Mapping[str, TableRows]]:
        """Return the rows of each table for each page of a fetch.

        Rows with an unreadable value are moved to `rows.rejected` of their page. The framework
        fills provenance and the names of codes.
        """

    def requested_time(self, response: ArchivedResponse) -> TimeSpan:
        """Return the time in which the rows of a response can lie; others are quarantined."""
        if response.request_date is None:
            return TimeSpan.until(response.fetched_at)
        last = response.request_end_date or response.request_date
        return TimeSpan.of_days(response.request_date, last)

    @property
    def coverage_rules(self) -> tuple[CoverageRule, ...]:
        """The rules for when a day is final; empty if the dataset is not requested by day."""
        return ()

    def rows_by_day(
        self, bodies: Sequence[bytes], first: date, last: date, zone: str
    ) -> list[int] | None:
        """Count the rows of each day from `first` to `last` in the pages of a response.

        Returns None if a request covers one day and its response has rows of that day only.
        """
        return None


class PageByPage(Dataset):
    """A dataset whose pages are decoded independently of each other."""

    @abstractmethod
    def tables_of_page(
        self, rows: Rows[Any], response: ArchivedResponse
    ) -> Mapping[str, TableRows]:
        """Return the rows of each table from one page."""

    def tables_of_fetch(
        self, pages: Sequence[tuple[Rows[Any], ArchivedResponse]]
    ) -> Sequence[Mapping[str, TableRows]]:
        """Return the rows of each table for each page."""
        return [self.tables_of_page(rows, response) for rows, response in pages]


class RowByRow(PageByPage):
    """A dataset with one table, in which each row of a response is a row."""

    @abstractmethod
    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of the table from one page."""

    def tables_of_page(
        self, rows: Rows[Any], response: ArchivedResponse
    ) -> Mapping[str, TableRows]:
        """Return the rows of the table."""
        return {self.main.name: TableRows(self.columns(rows, response), rows.positions)}


class DailyDataset(Dataset):
    """A dataset requested by day.

    Attributes:
        lateness_days: Number of days after its end during which a day can change.
        today_cron: Schedule for fetching the current day.
        evidence: Whether `<name>_evidence.sql` finds days whose data are not whole.
        pages_vary: Whether a day can have several pages, as the API's largest page is not known.
    """

    lateness_days: int
    today_cron: str = "*/30 * * * *"
    evidence: bool = False
    pages_vary: bool = False
    stops_when_refused = True

    @property
    def coverage_rule(self) -> CoverageRule:
        """The rule for when a day of the dataset is final."""
        sql = read_sql(f"{self.name}_evidence") if self.evidence else ""
        return CoverageRule(self.name, self.lateness_days, sql)

    @property
    def coverage_rules(self) -> tuple[CoverageRule, ...]:
        """The rule for when a day of the dataset is final."""
        return (self.coverage_rule,)

    @abstractmethod
    def request(self, device_id: str, first: date, last: date, zone: str) -> Request:
        """Return path and parameters for days of a device, both included, in a time zone."""

    def first_known_data(self, state: KnownState) -> Mapping[str, date]:
        """Return the first day with known data of devices whose lists do not say it."""
        return {}

    def day_request(self, day_range: DayRange, zone: str) -> Request:
        """Return the request for days of a device, which can be made for fewer of them as well."""
        return replace(
            self.request(day_range.device_id, day_range.first, day_range.last, zone),
            device_id=day_range.device_id,
            day_range=day_range,
            for_days=lambda part: self.day_request(part, zone),
        )


class Cadence(StrEnum):
    """How often a dataset is requested automatically."""

    EVERY_POLL = "tick"  # with every poll, as its past is not available later
    DAILY = "daily"
    WEEKLY = "weekly"


class Urgency(IntEnum):
    """Order in which datasets are requested."""

    PERISHABLE = 0  # not available later
    DEVICES = 1  # which devices exist
    HISTORY = 2
    LAST = 3  # slow, and nothing waits for it


class SnapshotDataset(Dataset):
    """A dataset requested in its present state.

    Attributes:
        cadence: How often it is requested.
        urgency: Order among the datasets.
        observes: Whether `observe_responses` is for it: a run holds its responses in memory.
        refreshed_by: Text in the parameters of a request that each refresh of a device makes, if it
            makes others at other times; "" for any request.
    """

    cadence: Cadence = Cadence.DAILY
    refreshed_by: str = ""
    urgency: Urgency = Urgency.HISTORY
    observes: bool = False

    @abstractmethod
    def requests(self, state: KnownState) -> Iterator[Request]:
        """Return what to request now, given what is known so far."""

    def observe_responses(
        self, state: KnownState, responses: Sequence[tuple[Request, Fetched]]
    ) -> None:
        """Record facts about the API itself that the responses of one run show."""


class DeviceList(SnapshotDataset):
    """A list of devices, for which other datasets request data.

    Attributes:
        kinds: Kinds of devices listed.
        lists_other_accounts: Whether it only has devices of accounts below this one.
    """

    urgency = Urgency.DEVICES
    kinds: tuple[DeviceKind, ...]
    lists_other_accounts = False

    @abstractmethod
    def devices(self, state: KnownState) -> Mapping[DeviceKind, Sequence[Device]]:
        """Return the devices in the tables."""

    @abstractmethod
    def ids_of(self, element: Mapping[str, Any]) -> Collection[str]:
        """Return the IDs of the devices that an element of the list is about."""

    def without(self, body: bytes, device_ids: Collection[str]) -> bytes:
        """Return an archived list without some devices."""
        answer = decode_json(body)
        answer["data"] = [
            element for element in answer["data"] if not set(self.ids_of(element)) & set(device_ids)
        ]
        return msgspec.json.encode(answer)
