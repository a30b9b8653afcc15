"""Make the requests of a dataset concurrently and archive every response.

A failed request does not stop the others; an error that makes all further requests pointless, such
as a refused token, stops the run. The request plan decides what to request; nothing is decoded
here.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.request import Request
from assets.framework.decoding.response_check import why_unreadable
from assets.framework.ingestion.archive_entries import archive_entries
from assets.framework.ingestion.availability import Availability
from assets.framework.ingestion.day_ranges import covered_days
from assets.framework.ingestion.fetch_result import (
    AccessRevokedError,
    FetchResult,
    Outcome,
    split_result,
)
from assets.framework.ingestion.leases import RequestLease, RequestLeases
from assets.framework.ingestion.range_limits import RequestLearning, longest_range
from assets.framework.ingestion.refusals import Refusals
from assets.framework.ingestion.request_plan import RequestPlan
from assets.framework.ingestion.session import Session
from givenergy.errors import (
    AccessError,
    CancelledError,
    ForbiddenError,
    GivEnergyError,
    LocalFaultError,
    MissingCapability,
    NotFoundError,
    PaymentRequiredError,
    RequestRefusedError,
)
from givenergy.models import Fetched, Page

# How often the thread that waits for responses flushes the leases.
_WAIT_S = 1.0
# How long the first request is made alone, and how many at once afterwards until a response.
_ALONE_S = 10.0
_FEW = 4
# Statuses for which a shorter range may be accepted; None: a response that is too long.
_RANGE_STATUSES = (None, 200, 400, 413, 414, 422)


class Fetcher:
    """Makes the requests of one run.

    Attributes:
        leases: Leases of the run; create the fetcher before planning requests.
        unavailable: Reasons why the account cannot make some of the requests.
        pages_announced: Pages after the first one, of each list of which that has arrived.
    """

    def __init__(
        self,
        session: Session,
        dataset: Dataset,
        plan: RequestPlan,
        on_wait: Callable[[bool], object] = lambda _: None,
    ) -> None:
        """Prepare a run; `on_wait` gets about every second whether no response has arrived."""
        self.leases = RequestLeases(session, dataset)
        self.unavailable: list[str] = []
        self._session = session
        self._dataset = dataset
        self._plan = plan
        self.pages_announced: list[int] = []
        self._on_wait = on_wait
        self._refusals: Refusals
        self._learning = RequestLearning(session, dataset)
        self._stopped = False

    def fetch(self, requests: Iterable[Request]) -> Iterator[FetchResult]:
        """Fetch into the archive, and yield the result of each request as it completes.

        Today and yesterday have priority over other runs' history. Closing the generator, or
        setting `session.cancelled`, ends it: requests in flight are completed and archived, no
        other is begun.

        Args:
            requests: Taken one by one, when there is room for another.

        Raises:
            AccessRevokedError: If the account is refused (401, 402, or 403 for every device), or
                nothing else of the dataset can be had in this run.
        """
        self._stopped = False
        self._refusals = Refusals(
            Availability.of_session(self._session, self._dataset.name),
            self._dataset,
            self._plan,
            retry=self._plan.retry_unavailable,
            unavailable=self.unavailable,
        )
        planned = self._by_doubt(requests)
        began = time.monotonic()
        follow_ups: deque[Request] = deque()
        with ThreadPoolExecutor(self._session.connections, "fetch") as pool:
            running: set[Future[FetchResult | None]] = set()
            try:
                while True:
                    while len(running) < self._most_in_flight(began):
                        request = follow_ups.popleft() if follow_ups else next(planned, None)
                        if request is None:
                            break
                        running.add(pool.submit(self._fetch, request))
                    if not running:
                        break
                    done, running = wait(running, _WAIT_S, return_when=FIRST_COMPLETED)
                    self.leases.flush_if_due()
                    self._on_wait(not done)
                    for future in done:
                        if (result := future.result()) is not None:
                            follow_ups.extend(result.follow_ups)
                            if result.outcome is not Outcome.SPLIT:
                                yield result
            finally:
                self._stopped = True
                pool.shutdown(wait=True, cancel_futures=True)
                self.leases.flush()
        yield from self._refusals.settle()
        if self._refusals.stopped is not None:
            raise AccessRevokedError(self._refusals.stopped)

    def _by_doubt(self, requests: Iterable[Request]) -> Iterator[Request]:
        """Yield the requests that are allowed; those that may be refused come last."""
        refusals = self._refusals
        for may_be_refused in (refusals.was_refused_last_time, refusals.is_doubtful):
            later = []
            for request in requests:
                if may_be_refused(request):
                    self.leases.defer(request)
                    later.append(request)
                elif refusals.allows(request):
                    yield request
            requests = later
        yield from filter(refusals.allows, requests)

    def _most_in_flight(self, began: float) -> int:
        """Return the limit of concurrent requests: one until the first response, or some seconds.

        Until then a refusal that concerns all of them would cost as many.
        """
        if self._refusals.stopped is not None:
            return 0
        if self._refusals.has_answered:
            return 2 * self._session.connections
        return (
            1 if time.monotonic() - began < _ALONE_S else min(_FEW, 2 * self._session.connections)
        )

    def _fetch(self, request: Request) -> FetchResult | None:
        """Make one request, with those that are to follow it; None if the run has ended."""
        result = self._fetch_alone(request)
        rest = request.rest if result is None else result.request.rest
        if rest and not self._stopped and not self._refusals.has_given_up(request):
            result = result or FetchResult(request, Outcome.SPLIT)
            if request.span is not None:
                rest = (replace(rest[0], rest=(*rest[0].rest, *rest[1:])),)
            return replace(result, follow_ups=(*result.follow_ups, *rest))
        return result

    def _fetch_alone(self, request: Request) -> FetchResult | None:
        """Make one request unless there is a reason not to; None if the run has ended."""
        if self._stopped or self._session.cancelled.is_set():
            return None
        if (result := self._refusals.of_closed(request)) is not None:
            return None if self._dataset.optional else result
        if self._refusals.doubts_range(request) and (shortest := request.shortest()) is not None:
            return split_result(request, shortest)
        # The limit may have been learnt after the request was planned.
        if request.days > (longest := longest_range(self._session, self._dataset)):
            return split_result(request, *request.pieces(longest))
        request = self._learning.to_send(request)
        lease = self.leases.take(request)
        if lease is None:
            message = "Another process is fetching it."
            return FetchResult(request, Outcome.IN_PROGRESS_ELSEWHERE, message)
        result = None
        try:
            result = self._request(request, lease)
        finally:
            # Only archived responses must not be requested again by the next holder.
            if result is not None and result.outcome in (Outcome.FETCHED, Outcome.INCOMPLETE):
                self.leases.keep(lease)
            else:
                lease.release()
        return result

    def _request(self, request: Request, lease: RequestLease) -> FetchResult | None:
        try:
            fetched = self._send(request)
        except CancelledError:
            return None
        except (NotFoundError, ForbiddenError) as error:
            if self._lacks_days(request, error):
                return self._refused_range(request, error)
            return self._refusals.refused(request, error)
        except (AccessError, LocalFaultError) as error:
            if isinstance(error, PaymentRequiredError) and self._dataset.optional:
                # A plan can lack single endpoints.
                return self._refusals.refused(request, error)
            raise AccessRevokedError(error) from error
        except RequestRefusedError as error:
            if error.missing_capability is MissingCapability.ENDPOINT:
                return self._refusals.refused(request, error)
            return self._refused_range(request, error)
        except GivEnergyError as error:
            return self._refusals.failed(request, error)
        self._learning.answered(request, self._refusals.answered(request))
        result = self._archive(request, fetched, lease)
        self._plan.observe(request, fetched)
        return result

    def _send(self, request: Request) -> Fetched:
        return self._session.client.fetch(
            request.endpoint or self._dataset.endpoint,
            path=request.path,
            query=request.query,
            body=request.body,
            priority=request.priority,
            context=self._context(request),
            stop_after=request.stop_after,
            most_attempts=self._refusals.attempts_left,
            on_page=None if request.stop_after else self._note_pages,
        )

    def _note_pages(self, page: Page) -> None:
        if page.number == 1 and page.page_count is not None:
            self.pages_announced.append(page.page_count - 1)

    def _lacks_days(self, request: Request, error: GivEnergyError) -> bool:
        """Return whether a 404 is about the days of a span, as others of its subject are there."""
        is_about_all = error.missing_capability is MissingCapability.ENDPOINT
        is_not_found = isinstance(error, NotFoundError) and not is_about_all
        return is_not_found and request.span is not None and self._refusals.accepts(request)

    def _refused_range(self, request: Request, error: GivEnergyError) -> FetchResult:
        """Find out by the shortest part of a range whether it is too long."""
        if error.status not in (*_RANGE_STATUSES, 404):
            return self._refusals.failed(request, error)
        shorter = self._refusals.ranges.shorter(request)
        instead = self._learning.refused(request, error, is_shortest=shorter is None)
        if instead is None and shorter is None:
            return self._refusals.refused_at_any_length(request, error)
        self._refusals.refused_range(request, error)
        split = split_result(request, *(each for each in [instead or shorter] if each is not None))
        return replace(split, message=str(error), requests=1, error=error)

    def _context(self, request: Request) -> dict[str, str]:
        """Return the context that is archived with a failed attempt."""
        context = {"dataset": self._dataset.name, "device_id": request.device_id}
        if request.day_range is not None:
            context["request_date"] = request.day_range.first.isoformat()
            context["request_end_date"] = request.day_range.last.isoformat()
            context["request_zone"] = self._session.zone
        return context

    def _archive(self, request: Request, fetched: Fetched, lease: RequestLease) -> FetchResult:
        day_rows, follow_ups = None, tuple[Request, ...]()
        if (days := request.day_range) is not None and request.for_days is not None:
            zone = self._session.zone
            bodies = [page.body for page in fetched.pages]
            day_rows = self._dataset.rows_by_day(bodies, days.first, days.last, zone)
            if why := why_unreadable(self._dataset, bodies, days, zone):
                fetched = replace(fetched, complete=False, missing=why)
            elif day_rows is not None:
                covered, uncovered = covered_days(days, day_rows, zone)
                start = (covered.first - days.first).days
                day_rows = day_rows[start : start + len(covered)]
                follow_ups = tuple(map(request.for_days, uncovered))
                for part in follow_ups:
                    lease.release(part.lease_keys)
                request = replace(request, day_range=covered)
        self._append(request, fetched, day_rows)
        return FetchResult(
            request,
            Outcome.FETCHED if fetched.complete else Outcome.INCOMPLETE,
            fetched.missing or "",
            # A page without a list is one row.
            rows=sum(1 if page.rows is None else page.rows for page in fetched.pages),
            requests=sum(page.attempts for page in fetched.pages),
            bytes=sum(len(page.body) for page in fetched.pages),
            request_s=sum(page.duration_s for page in fetched.pages),
            follow_ups=follow_ups,
        )

    def _append(
        self, request: Request, fetched: Fetched, day_rows: Sequence[int] | None = None
    ) -> None:
        """Append a response to the archive."""
        entries = archive_entries(fetched, self._dataset, request, self._session, day_rows)
        self._session.lake.archive.append(entries)
