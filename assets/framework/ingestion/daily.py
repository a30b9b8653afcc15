"""One dataset over a range of days: plan, collect, build as answers come in.

A month at a time, the newest first, so that memory does not depend on the range.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime

import pyarrow as pa

from assets.framework.contract.dataset import DailyDataset
from assets.framework.contract.devices import Device
from assets.framework.ingestion.day_ranges import DayRange, day_ranges_of
from assets.framework.ingestion.fetcher import AccessRevokedError, Outcome, Result, collect
from assets.framework.ingestion.leases import DayLeases
from assets.framework.ingestion.planner import plan
from assets.framework.ingestion.range_limits import longest_range
from assets.framework.ingestion.report import Report
from assets.framework.ingestion.session import Session
from warehouse import build, refresh_coverage

# Tables are built while answers come in, so that analysts see data soon, but not often, because
# each build rewrites the files of the months that it touches. A build takes the processor from the
# threads that fetch, so it is best done while these wait for the budget.
_BUILD_EVERY_BYTES = 64 * 2**20
_BUILD_EVERY_S = 120.0
_BUILD_EVERY_S_WHILE_WAITING = 20.0
_WAITING_S = 0.3
# Device-days that another process is fetching are looked at again after this long.
_ELSEWHERE_WAIT_S = 2.0

Progress = Callable[[Report], None]
Settle = Callable[[Report, Sequence[date]], None]


def ingest(
    session: Session,
    dataset: DailyDataset,
    devices: Sequence[Device],
    start: date,
    end: date,
    *,
    refetch: bool = False,
    refresh: bool = False,
    with_table: bool = True,
    progress: Progress | None = None,
    settle: Settle | None = None,
) -> Report:
    """Fetch what is missing between two days, both included, and build the table from it.

    What was archived earlier and not yet built, by whomever, is built before anything is asked for.

    Args:
        session: stores, client and budget.
        dataset: what to fetch.
        devices: whose days.
        start: first day.
        end: last day.
        refetch: fetch what is there as well.
        refresh: fetch the days that were not over when they were fetched.
        with_table: False to leave the table alone.
        progress: called with the report after each device-day.
        settle: called after each build with the report and the days that are done since the last.
    """
    run = _DailyRun(session, dataset, devices, with_table, progress, settle)
    run.build()
    try:
        run.fetch(start, end, refetch=refetch, refresh=refresh)
    except AccessRevokedError as stopped:
        run.report.stopped = stopped.error
    finally:
        session.lake.archive.flush()
    run.report.cancelled = session.cancelled.is_set()
    if run.report.days:
        run.build()
    return run.report


class _DailyRun:
    """The work of one call of `ingest`."""

    def __init__(
        self,
        session: Session,
        dataset: DailyDataset,
        devices: Sequence[Device],
        with_table: bool,
        progress: Progress | None,
        settle: Settle | None,
    ) -> None:
        self.report = Report()
        self._session = session
        self._dataset = dataset
        self._devices = devices
        self._with_table = with_table
        self._progress = progress
        self._settle = settle
        self._day_leases = DayLeases(session, dataset)
        self._unbuilt_bytes = 0
        self._built_at = self._result_at = time.monotonic()

    def build(self) -> None:
        """Bring the table, if it is wanted, and what tells of the archive up to date."""
        lake = self._session.lake
        done = self.report.take_done()
        lake.archive.flush()
        if self._with_table:
            self.report.add_build(build(lake, self._dataset))
        refresh_coverage(lake, [self._dataset.coverage_rule])
        self.report.waited_s = self._session.client.totals.waited_s
        self.report.budget = self._session.budget.snapshot()
        if self._settle and done:
            self._settle(self.report, done)
        self._unbuilt_bytes = 0
        self._built_at = time.monotonic()

    def fetch(self, start: date, end: date, *, refetch: bool, refresh: bool) -> None:
        left = self._collect(self._day_ranges(start, end, refetch=refetch, refresh=refresh))
        while left and not self._session.cancelled.wait(_ELSEWHERE_WAIT_S):
            left = self._collect(self._still_wanted(left, refresh=refresh))

    def _day_ranges(
        self, start: date, end: date, *, refetch: bool, refresh: bool
    ) -> Iterator[DayRange]:
        """Plan a month when the one before it has been taken up, so that there is no pause."""
        months = self._counted(
            self._plan(start, end, refetch=refetch, refresh=refresh, refused=True)
        )
        for day_ranges in day_ranges_of(months, longest_range(self._session, self._dataset)):
            self._day_leases.planned_anew()
            yield from day_ranges

    def _counted(self, months: Iterator[pa.Table]) -> Iterator[pa.Table]:
        for states in months:
            self.report.day_range(states["request_date"].to_pylist())
            yield states

    def _plan(
        self, start: date, end: date, *, refetch: bool, refresh: bool, refused: bool
    ) -> Iterator[pa.Table]:
        yield from plan(
            self._session.lake,
            self._dataset,
            self._devices,
            start,
            end,
            self._session.zone,
            now=datetime.now(UTC),
            refetch=refetch,
            refresh=refresh,
            refused=refused,
        )

    def _still_wanted(self, left: Sequence[DayRange], *, refresh: bool) -> list[DayRange]:
        """Count days that another process has fetched by now as dealt with; return the others."""
        self._session.lake.archive.flush()
        first, last = (
            min(day_range.first for day_range in left),
            max(day_range.last for day_range in left),
        )
        days = {(day_range.device_id, day) for day_range in left for day in day_range.days}
        months = []
        for states in self._plan(first, last, refetch=False, refresh=refresh, refused=False):
            pairs = zip(
                states["device_id"].to_pylist(), states["request_date"].to_pylist(), strict=True
            )
            months.append(states.filter(pa.array([pair in days for pair in pairs], pa.bool_())))
        day_ranges = [
            day_range
            for of_month in day_ranges_of(months, longest_range(self._session, self._dataset))
            for day_range in of_month
        ]
        for device_id, day in days - {
            (day_range.device_id, day) for day_range in day_ranges for day in day_range.days
        }:
            self.report.add(Result(DayRange(device_id, day, day), Outcome.IN_PROGRESS_ELSEWHERE))
        return day_ranges

    def _collect(self, day_ranges: Iterable[DayRange]) -> list[DayRange]:
        """Fetch, and return what another process is fetching."""
        elsewhere = []
        for result in collect(self._session, self._dataset, day_ranges, self._day_leases):
            if result.outcome is Outcome.IN_PROGRESS_ELSEWHERE:
                elsewhere.append(result.day_range)
                continue
            if result.outcome is Outcome.SPLIT:
                continue
            self.report.add(result)
            self._build_if_due(result.bytes)
            if self._progress:
                self._progress(self.report)
        return elsewhere

    def _build_if_due(self, fetched_bytes: int) -> None:
        now = time.monotonic()
        waiting = now - self._result_at > _WAITING_S
        every_s = _BUILD_EVERY_S_WHILE_WAITING if waiting else _BUILD_EVERY_S
        self._unbuilt_bytes += fetched_bytes
        self._result_at = now
        if self._unbuilt_bytes > _BUILD_EVERY_BYTES or now - self._built_at > every_s:
            self.build()
            self._result_at = time.monotonic()
