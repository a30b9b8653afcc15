"""Run a dataset: make the planned requests and build its tables while responses arrive.

Responses that any process archived earlier are built before the first request.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.device_asking import DeviceAskingDataset
from assets.framework.contract.request import Request
from assets.framework.decoding.decoder import DatasetDecoder
from assets.framework.ingestion.device_asking_fetcher import DeviceAskingFetcher
from assets.framework.ingestion.fetch_result import AccessRevokedError, FetchResult, Outcome
from assets.framework.ingestion.fetcher import Fetcher
from assets.framework.ingestion.outage_watch import OutageWatch
from assets.framework.ingestion.report import IngestionReport
from assets.framework.ingestion.request_plan import RequestPlan
from assets.framework.ingestion.session import Session
from warehouse.coverage import refresh_coverage
from warehouse.tables.build import build

# Tables are built during the run, so that analysts see data soon, but not often, because each build
# rewrites the files of the months that it changes. A build competes with the fetching threads for
# the processor, so it is best done while they wait for the budget.
_BUILD_AT_BYTES = 64 * 2**20
_BUILD_EVERY_S = 120.0
_BUILD_EVERY_S_WHILE_WAITING = 20.0
_WAITING_S = 0.3
# How often the state of the budget is read to be shown.
_BUDGET_EVERY_S = 1.0
# How often to check whether another process has finished fetching.
_ELSEWHERE_WAIT_S = 2.0

Progress = Callable[[IngestionReport], None]
Settle = Callable[[IngestionReport, Sequence[date]], None]


def ingest(
    session: Session,
    dataset: Dataset,
    plan: RequestPlan,
    *,
    with_tables: bool = True,
    progress: Progress | None = None,
    settle: Settle | None = None,
) -> IngestionReport:
    """Fetch what is planned and build the tables from it.

    Args:
        session: Stores, client and budget.
        dataset: Dataset to fetch.
        plan: Requests to make.
        with_tables: False to skip building the tables.
        progress: Called with the report after each request, and about every second without one.
        settle: Called after each build with the report and the days completed since the last one.
    """
    run = _Ingestion(session, dataset, plan, with_tables, progress, settle)
    run.build()
    try:
        run.fetch()
    except AccessRevokedError as revoked:
        run.report.stopped = revoked.error
    finally:
        session.lake.archive.flush()
    report = run.report
    report.cancelled = session.cancelled.is_set()
    if report.days or report.total.done or report.stopped is not None:
        run.build()
    plan.finish()
    return report


class _Ingestion:
    """The work of one call of `ingest`."""

    def __init__(
        self,
        session: Session,
        dataset: Dataset,
        plan: RequestPlan,
        with_tables: bool,
        progress: Progress | None,
        settle: Settle | None,
    ) -> None:
        self.report = IngestionReport(dataset.name, by_day=bool(dataset.coverage_rules))
        self._session = session
        self._dataset = dataset
        self._decoder = DatasetDecoder(dataset)
        self._plan = plan
        self._with_tables = with_tables
        self._progress = progress
        self._settle = settle
        self._outages = OutageWatch(session, self.report, self._tell)
        asks_devices = isinstance(dataset, DeviceAskingDataset)
        fetcher = DeviceAskingFetcher if asks_devices else Fetcher
        self._fetcher = fetcher(session, dataset, plan, on_wait=self._wait)
        self._sent_before = session.client.totals.requests
        self._shown_at = 0.0
        self.report.unavailable = self._fetcher.unavailable
        self._unbuilt_bytes = 0
        self._build_at_bytes = _BUILD_AT_BYTES
        self._built_at = self._result_at = time.monotonic()

    def build(self) -> None:
        """Build the tables, if enabled, and refresh coverage."""
        lake = self._session.lake
        settled = self.report.take_settled_days()
        lake.archive.flush()
        if self._with_tables:
            self.report.add_build(build(lake, self._decoder))
        refresh_coverage(lake, self._dataset.coverage_rules)
        self.report.waited_s = self._session.client.totals.waited_s
        self.report.budget = self._session.budget.snapshot()
        if self._settle and settled:
            self._settle(self.report, settled)
        self._unbuilt_bytes = 0
        self._built_at = time.monotonic()

    def _tell(self, sentence: str) -> None:
        self._session.tell(sentence)
        self._show()

    def _wait(self, is_idle: bool) -> None:
        self._outages.look(is_idle=is_idle)
        if is_idle:
            self._show()

    def fetch(self) -> None:
        """Fetch what is planned, and wait for requests in progress in other processes."""
        elsewhere = self._fetch(self._planned())
        while elsewhere and not self._session.cancelled.wait(_ELSEWHERE_WAIT_S):
            missing = self._plan.still_missing(elsewhere, self._fetcher.leases.already_fetched)
            self._count_fetched_elsewhere(elsewhere, missing)
            elsewhere = self._fetch(missing)
        self._outages.finish()

    def _planned(self) -> Iterator[Request]:
        for batch in self._plan.batches(self.report):
            self._fetcher.leases.start_batch()
            yield from batch

    def _fetch(self, requests: Iterable[Request]) -> list[Request]:
        """Fetch, and return the requests in progress elsewhere that the run waits for."""
        elsewhere = []
        for result in self._fetcher.fetch(requests):
            if result.outcome is Outcome.IN_PROGRESS_ELSEWHERE and self._plan.awaits_others:
                elsewhere.append(result.request)
                continue
            self.report.add(result)
            self._build_if_due(result.bytes)
            self._show()
        return elsewhere

    def _show(self) -> None:
        """Report the progress, with the state of the budget at most once a second."""
        if self._progress is None:
            return
        self.report.sent = self._session.client.totals.requests - self._sent_before
        self.report.pages_announced = sum(self._fetcher.pages_announced)
        if time.monotonic() - self._shown_at >= _BUDGET_EVERY_S:
            self.report.budget = self._session.budget.snapshot()
            self._shown_at = time.monotonic()
        self._progress(self.report)

    def _count_fetched_elsewhere(
        self, elsewhere: Sequence[Request], missing: Sequence[Request]
    ) -> None:
        """Count what another process has fetched meanwhile, by day where it is by day."""
        left = {key for request in missing for key in request.lease_keys}
        for request in elsewhere:
            for part in request.each_day() if request.day_range is not None else [request]:
                if left.isdisjoint(part.lease_keys):
                    self.report.add(FetchResult(part, Outcome.IN_PROGRESS_ELSEWHERE))

    def _build_if_due(self, fetched_bytes: int) -> None:
        now = time.monotonic()
        waiting = now - self._result_at > _WAITING_S
        every_s = _BUILD_EVERY_S_WHILE_WAITING if waiting else _BUILD_EVERY_S
        self._unbuilt_bytes += fetched_bytes
        self._result_at = now
        if self._unbuilt_bytes > self._build_at_bytes or now - self._built_at > every_s:
            # A build writes the files of its months anew, with the rows that they have: each waits
            # for twice the bytes of the one before, so that writing grows as fetching does.
            self._build_at_bytes *= 2
            self.build()
            self._result_at = time.monotonic()
