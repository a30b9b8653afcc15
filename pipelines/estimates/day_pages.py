"""Estimate how many requests the days of a dataset take: pages per day, days per request.

Neither the API's largest page nor its longest range is documented. Stored responses show them, else
one or two requests do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources

import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.day_range import DayRange
from assets.framework.contract.devices import Device, local_day, of_kinds
from assets.framework.contract.known_state import KnownState
from assets.framework.ingestion.range_limits import longest_range
from assets.framework.ingestion.session import Session
from givenergy.errors import AccessError, NotFoundError, RequestRefusedError
from pipelines.estimates.page_request import request_page

_DAY = timedelta(days=1)
_SAMPLED_DEVICES = 3
# A device can have been offline on a day.
_SAMPLED_DAYS = 3
_REFUSALS = (AccessError, NotFoundError, RequestRefusedError)


@dataclass(frozen=True, slots=True)
class DayPages:
    """How many pages a day takes.

    Attributes:
        pages: Pages of a day with data, by device.
        others: Pages of a day of any other device.
        begun: The first day with known data, by device; an earlier day is taken to be empty.
    """

    pages: Mapping[str, float]
    others: float
    begun: Mapping[str, date]

    def further(self, days: pa.Table) -> float:
        """Return the number of pages after the first one of each device-day in a table."""
        counted = 0.0
        devices = days["device_id"].unique().to_pylist()
        for device_id in devices:
            first = self.begun.get(device_id, date.min)
            with_data = pc.and_(
                pc.equal(days["device_id"], device_id),
                pc.greater_equal(days["request_date"], pa.scalar(first, pa.date32())),
            )
            further = self.pages.get(device_id, self.others) - 1
            counted += further * (pc.sum(with_data).as_py() or 0)
        return counted


def pages_of_days(
    dataset: DailyDataset, session: Session, state: KnownState, begun: Mapping[str, date]
) -> DayPages | None:
    """Estimate the pages of a dataset's days; None if each is known to have one.

    Args:
        dataset: The dataset.
        session: A session to request with, if nothing is stored.
        state: What is known.
        begun: The first day with known data, by device.
    """
    devices = of_kinds(state.devices, dataset.device_kinds)
    if not dataset.pages_vary or not devices:
        return None
    pages = _stored_pages(dataset, state) or _sample(dataset, devices, session, state)
    return DayPages(pages, sum(pages.values()) / len(pages) if pages else 1.0, begun)


def _stored_pages(dataset: DailyDataset, state: KnownState) -> dict[str, float]:
    """Return the mean number of pages of the stored days with data, by device."""
    sql = resources.files(__package__).joinpath("sql/pages_per_day.sql").read_text()
    return {row["device_id"]: row["pages"] for row in state.rows(sql, dataset=dataset.name)}


def _sample(
    dataset: DailyDataset, devices: Sequence[Device], session: Session, state: KnownState
) -> dict[str, float]:
    """Request the first page of a recent day of a few devices."""
    yesterday = local_day(state.now, state.zone) - _DAY
    pages: dict[str, float] = {}
    for device in devices[:_SAMPLED_DEVICES]:
        for number in range(_SAMPLED_DAYS):
            day = yesterday - number * _DAY
            request = dataset.day_request(DayRange(device.device_id, day, day), state.zone)
            try:
                page = request_page(dataset, request, session)
            except _REFUSALS:
                break
            if page.rows:
                pages[device.device_id] = page.page_count or 1
                break
    return pages


def days_per_request(dataset: DailyDataset, session: Session, state: KnownState) -> int:
    """Return how many days one request covers: stored, or tried with one device.

    Args:
        dataset: The dataset.
        session: A session to request with.
        state: What is known.
    """
    longest = longest_range(session, dataset)
    devices = of_kinds(state.devices, dataset.device_kinds)
    # Stored responses have shown the longest range.
    if longest == 1 or not devices or _stored_pages(dataset, state):
        return longest
    yesterday = local_day(state.now, state.zone) - _DAY
    while longest > 1:
        days = DayRange(devices[0].device_id, yesterday - (longest - 1) * _DAY, yesterday)
        request = dataset.day_request(days, state.zone)
        try:
            request_page(dataset, request, session)
        except RequestRefusedError:
            longest //= 2
        except (AccessError, NotFoundError):
            return longest_range(session, dataset)
        else:
            break
    return longest
