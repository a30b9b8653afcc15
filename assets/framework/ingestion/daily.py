"""Plan the requests of a dataset requested by day.

Planning covers one month at a time, newest first, so that memory does not depend on the range.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.day_range import DayRange
from assets.framework.contract.devices import EARLIEST_DATA, Device
from assets.framework.contract.request import Request
from assets.framework.ingestion.day_ranges import day_ranges_of
from assets.framework.ingestion.planner import plan
from assets.framework.ingestion.range_limits import longest_range
from assets.framework.ingestion.report import IngestionReport
from assets.framework.ingestion.request_plan import RequestPlan
from assets.framework.ingestion.session import Session
from givenergy.server_clock import utc_now
from warehouse.coverage import first_data_days


class DailyPlan(RequestPlan):
    """The days that are missing between two days, both included."""

    awaits_others = True

    def __init__(
        self,
        session: Session,
        dataset: DailyDataset,
        devices: Sequence[Device],
        start: date,
        end: date,
        *,
        refetch: bool = False,
        refresh: bool = False,
        retry_refused: bool = False,
        answered_before: datetime | None = None,
    ) -> None:
        """Store what to plan.

        Args:
            session: Stores and limits.
            dataset: Dataset to fetch.
            devices: Devices to plan for.
            start: First day.
            end: Last day.
            refetch: Fetch days again that are already complete.
            refresh: Fetch days again that were not over when they were fetched.
            retry_refused: Request what was refused, although it is not due.
            answered_before: Leave out days that were last answered since this moment, UTC.
        """
        self.retry_unavailable = refetch or retry_refused
        self._session = session
        self._dataset = dataset
        self._devices = devices
        self._start, self._end = start, end
        self._refetch = refetch
        self._refresh = refresh
        self._answered_before = answered_before
        self._with_rows: Collection[str] | None = None

    def batches(self, report: IngestionReport) -> Iterator[Iterable[Request]]:
        """Plan each month as soon as the requests of the previous one are taken."""

        def counted() -> Iterator[pa.Table]:
            for states in self._states(self._start, self._end, self._refetch, forbidden=True):
                report.count_planned_days(states["request_date"].to_pylist())
                yield states

        for day_ranges in self._day_ranges(counted()):
            yield map(self._request, day_ranges)

    def has_rows(self, device_id: str) -> bool:
        """Return whether a requested day of a device has had rows, as far as the facts say."""
        if self._with_rows is None:
            devices = [device.device_id for device in self._devices]
            self._with_rows = first_data_days(
                self._session.lake, self._dataset.name, devices, EARLIEST_DATA.date()
            )
        return device_id in self._with_rows

    def still_missing(
        self, requests: Sequence[Request], already_fetched: Callable[[Request], bool]
    ) -> list[Request]:
        """Return requests for the days that no other process has fetched meanwhile."""
        del already_fetched  # coverage shows it by day
        self._session.lake.archive.flush()
        ranges = [request.day_range for request in requests if request.day_range is not None]
        days = {(days.device_id, day) for days in ranges for day in days.days}
        months = []
        first, last = min(days.first for days in ranges), max(days.last for days in ranges)
        for states in self._states(first, last, refetch=False, forbidden=False):
            pairs = zip(
                states["device_id"].to_pylist(), states["request_date"].to_pylist(), strict=True
            )
            months.append(states.filter(pa.array([pair in days for pair in pairs], pa.bool_())))
        return [
            self._request(day_range)
            for month_ranges in self._day_ranges(months)
            for day_range in month_ranges
        ]

    def _states(
        self, start: date, end: date, refetch: bool, *, forbidden: bool
    ) -> Iterator[pa.Table]:
        months = plan(
            self._session.lake,
            self._dataset,
            self._devices,
            start,
            end,
            self._session.zone,
            now=utc_now(),
            refetch=refetch,
            refresh=self._refresh,
            refused=forbidden,
        )
        if (moment := self._answered_before) is None:
            yield from months
        else:
            for states in months:
                answered = pc.greater_equal(states["last_fetched_at"], moment)
                yield states.filter(pc.invert(pc.fill_null(answered, False)))

    def _day_ranges(self, months: Iterable[pa.Table]) -> Iterator[list[DayRange]]:
        return day_ranges_of(months, longest_range(self._session, self._dataset))

    def _request(self, day_range: DayRange) -> Request:
        return self._dataset.day_request(day_range, self._session.zone)
