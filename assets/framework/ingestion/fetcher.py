"""Asking for what is wanted, several requests in flight, every answer into the archive.

A failure of one device-day never stops the others; what makes all further requests pointless, such
as a token that is refused, stops all. Nothing here decodes a row.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum

import msgspec

from assets.framework.contract.dataset import DailyDataset
from assets.framework.decoding.response_check import why_unreadable
from assets.framework.ingestion.day_ranges import DayRange
from assets.framework.ingestion.leases import DayLease, DayLeases
from assets.framework.ingestion.range_limits import longest_range, shorten_range
from assets.framework.ingestion.session import Session
from givenergy import (
    AccessError,
    CancelledError,
    Fetched,
    ForbiddenError,
    GivEnergyError,
    NotFoundError,
    Priority,
    RequestRefusedError,
)
from givenergy.endpoints.definition import Endpoint
from givenergy.errors import MissingCapability
from warehouse import Entry, day_is_over_at

# A third party's lock closes single devices; a missing scope closes all. This many devices are
# asked before a refusal counts as one of the whole account.
_REFUSALS_UNTIL_STOP = 3
# A single day can be refused, or not known: a device is when so many of its days are in a row.
_REFUSALS_UNTIL_CLOSED = 3
# How often the thread that waits for answers looks after what has come in.
_LOOK_EVERY_S = 1.0


class Outcome(StrEnum):
    """What became of the days of a device that were wanted."""

    FETCHED = "fetched"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    FORBIDDEN = "forbidden"
    GONE = "gone"
    IN_PROGRESS_ELSEWHERE = "elsewhere"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one want.

    Attributes:
        day_range: the days that the result is about.
        outcome: what became of them.
        message: a whole sentence, unless they were fetched.
        rows: rows received.
        requests: requests made.
        bytes: bytes received.
        request_s: seconds until the answers were there.
        left: days that are to be asked for by requests of their own.
    """

    day_range: DayRange
    outcome: Outcome
    message: str = ""
    rows: int = 0
    requests: int = 0
    bytes: int = 0
    request_s: float = 0.0
    left: tuple[DayRange, ...] = field(default=())


class AccessRevokedError(Exception):
    """Nothing more can be had: the token, the plan or the scope does not allow it."""

    def __init__(self, error: GivEnergyError) -> None:
        super().__init__(str(error))
        self.error = error


def entries_of(
    fetched: Fetched,
    endpoint: Endpoint,
    *,
    dataset: str,
    account: str,
    device_id: str = "",
    days: tuple[date, date] | None = None,
    day_rows: Sequence[int] | None = None,
    zone: str | None = None,
) -> list[Entry]:
    """Make the archive's entries of an answer, one for each page.

    Args:
        fetched: the answer.
        endpoint: what was asked.
        dataset: for which it was asked.
        account: key of the account.
        device_id: the device, if it is about one.
        days: first and last day asked for, if it was asked for by day.
        day_rows: rows of each of these days, where one request can cover several.
        zone: IANA time zone of the days.
    """
    first, last = days or (None, None)
    return [
        Entry(
            dataset=dataset,
            device_id=device_id,
            request_date=first,
            request_end_date=None if day_rows is None else last,
            # The counts are those of the whole answer: they stand with its first page.
            day_rows=day_rows if page is fetched.pages[0] else None,
            request_zone=zone,
            method=endpoint.method,
            path=page.url_path,
            params=msgspec.json.encode(page.params, order="deterministic").decode(),
            status=page.status,
            outcome="ok",
            error_kind=None,
            message=fetched.missing,
            requested_at=page.requested_at,
            fetched_at=page.received_at,
            page=page.number,
            page_count=len(fetched.pages),
            complete=fetched.complete,
            rows=page.rows,
            body=page.body,
            attempts=page.attempts,
            redaction_version=page.redaction_version,
            account=account,
        )
        for page in fetched.pages
    ]


def collect(
    session: Session, dataset: DailyDataset, day_ranges: Iterable[DayRange], day_leases: DayLeases
) -> Iterator[Result]:
    """Fetch days into the archive and yield what became of each want, in the order of completion.

    Today and yesterday go before what others want of history. Closing the generator, or setting
    `session.cancelled`, ends it: requests in flight are finished and archived, no other is begun.

    Raises:
        Stopped: if the account is refused (401, 402, or 403 for every device asked).
    """
    collector = _Fetcher(session, dataset, day_leases)
    queue = iter(day_ranges)
    left: deque[DayRange] = deque()
    threads = session.connections

    def upcoming() -> DayRange | None:
        return left.popleft() if left else next(queue, None)

    with ThreadPoolExecutor(threads, thread_name_prefix="fetch") as pool:
        running: set[Future[Result | None]] = set()
        try:
            while True:
                while len(running) < 2 * threads and (day_range := upcoming()) is not None:
                    running.add(pool.submit(collector.fetch, day_range))
                if not running:
                    break
                done, running = wait(running, _LOOK_EVERY_S, return_when=FIRST_COMPLETED)
                day_leases.flush_if_due()
                for future in done:
                    if (result := future.result()) is not None:
                        left.extend(result.left)
                        yield result
        finally:
            collector.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            day_leases.flush()
    yield from collector.not_found()
    collector.raise_if_refused()


class _Fetcher:
    """Fetches single wants; remembers what makes further ones pointless."""

    def __init__(self, session: Session, dataset: DailyDataset, day_leases: DayLeases) -> None:
        self._day_leases = day_leases
        self._session = session
        self._dataset = dataset
        self._closed: dict[str, Result] = {}
        self._refusals: Counter[str] = Counter()
        self._answering: set[str] = set()
        self._unknown: list[Result] = []
        self._answered = False
        self._refusal: AccessError | None = None
        self._stopped = False

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopped = True

    def raise_if_refused(self) -> None:
        if self._refusal is not None and not self._answered:
            raise AccessRevokedError(self._refusal)

    def fetch(self, day_range: DayRange) -> Result | None:
        """Fetch one want, or None if the work has been stopped."""
        if self._stopped or self._session.cancelled.is_set():
            return None
        closed = self._closed.get(day_range.device_id)
        if closed is not None:
            return Result(day_range, closed.outcome, closed.message)
        if len(day_range) > longest_range(self._session, self._dataset):
            return Result(day_range, Outcome.SPLIT, left=day_range.halves())
        day_lease = self._day_leases.take(day_range)
        if day_lease is None:
            return Result(
                day_range, Outcome.IN_PROGRESS_ELSEWHERE, "Another process is fetching it."
            )
        result = None
        try:
            result = self._ask(day_range, day_lease)
        finally:
            if result is not None and result.outcome in (Outcome.FETCHED, Outcome.INCOMPLETE):
                self._day_leases.keep(day_lease)
            else:
                day_lease.release()
        return result

    def _ask(self, day_range: DayRange, day_lease: DayLease) -> Result | None:
        request = self._dataset.request(
            day_range.device_id, day_range.first, day_range.last, self._session.zone
        )
        context = {
            "dataset": self._dataset.name,
            "device_id": day_range.device_id,
            "request_date": day_range.first.isoformat(),
            "request_end_date": day_range.last.isoformat(),
            "request_zone": self._session.zone,
        }
        try:
            fetched = self._session.client.fetch(
                self._dataset.endpoint,
                path=request.path,
                query=request.query,
                body=request.body,
                priority=_priority(day_range),
                context=context,
            )
        except CancelledError:
            return None
        except NotFoundError as error:
            self._not_found(Result(day_range, Outcome.GONE, str(error)), error)
            return None
        except ForbiddenError as error:
            return self._refused(Result(day_range, Outcome.FORBIDDEN, str(error)), error)
        except AccessError as error:
            raise AccessRevokedError(error) from error
        except RequestRefusedError as error:
            if len(day_range) == 1:
                return Result(day_range, Outcome.FAILED, str(error))
            shorten_range(self._session, self._dataset, len(day_range))
            return Result(day_range, Outcome.SPLIT, str(error), left=day_range.halves())
        except GivEnergyError as error:
            return Result(day_range, Outcome.FAILED, str(error))
        self._answered = True
        self._answering.add(day_range.device_id)
        self._refusals.pop(day_range.device_id, None)
        return self._archive(day_range, fetched, day_lease)

    def _archive(self, day_range: DayRange, fetched: Fetched, day_lease: DayLease) -> Result:
        zone = self._session.zone
        bodies = [page.body for page in fetched.pages]
        day_rows = self._dataset.rows_by_day(bodies, day_range.first, day_range.last, zone)
        covered, left = day_range, tuple[DayRange, ...]()
        if why := why_unreadable(self._dataset, bodies, day_range.device_id, day_range.first, zone):
            fetched = replace(fetched, complete=False, missing=why)
        elif day_rows is not None:
            covered, left = _covered(day_range, day_rows, zone)
            start = (covered.first - day_range.first).days
            day_rows = day_rows[start : start + len(covered)]
            for part in left:
                day_lease.release(part.days)
        self._session.lake.archive.append(
            entries_of(
                fetched,
                self._dataset.endpoint,
                dataset=self._dataset.name,
                account=self._session.account,
                device_id=day_range.device_id,
                days=(covered.first, covered.last),
                day_rows=day_rows,
                zone=zone,
            )
        )
        return Result(
            covered,
            Outcome.FETCHED if fetched.complete else Outcome.INCOMPLETE,
            fetched.missing or "",
            rows=sum(page.rows or 0 for page in fetched.pages),
            requests=sum(page.attempts for page in fetched.pages),
            bytes=sum(len(page.body) for page in fetched.pages),
            request_s=sum(page.duration_s for page in fetched.pages),
            left=left,
        )

    def not_found(self) -> Iterator[Result]:
        """Tell devices that are gone from days that a device which is there does not know."""
        for result in self._unknown:
            device_id = result.day_range.device_id
            there = device_id in self._answering and device_id not in self._closed
            yield replace(result, outcome=Outcome.FAILED) if there else result

    def _not_found(self, result: Result, error: NotFoundError) -> None:
        self._unknown.append(result)
        self._count_refusal(result, error)

    def _refused(self, result: Result, error: ForbiddenError) -> Result:
        """Tell a day that is refused from a device that is, and that from the whole account."""
        self._refusal = error
        self._count_refusal(result, error)
        closed = [one for one in list(self._closed.values()) if one.outcome is Outcome.FORBIDDEN]
        if not self._answered and len(closed) >= _REFUSALS_UNTIL_STOP:
            raise AccessRevokedError(error) from error
        return result

    def _count_refusal(self, result: Result, error: GivEnergyError) -> None:
        """Ask a device that is gone or closed to us for no other day in this run."""
        device_id = result.day_range.device_id
        self._refusals[device_id] += 1
        if (
            error.missing_capability is MissingCapability.ENDPOINT
            or self._refusals[device_id] >= _REFUSALS_UNTIL_CLOSED
        ):
            self._closed[device_id] = result


def _covered(
    day_range: DayRange, day_rows: Sequence[int], zone: str
) -> tuple[DayRange, tuple[DayRange, ...]]:
    """Tell which days an answer speaks of, and which are to be asked for alone.

    How long a range the API really answers is not documented. Days at either end of an answer
    without a row can be days without data, or days that were cut off; only a request of their own
    tells which. A day that is not over can well be empty.
    """
    filled = [number for number, rows in enumerate(day_rows) if rows]
    if not filled:
        return day_range, ()
    start, stop = filled[0], filled[-1] + 1
    now = datetime.now(UTC)
    days = day_range.days
    while stop < len(day_range) and day_is_over_at(days[stop], zone) > now:
        stop += 1
    left = []
    if stop < len(day_range):
        left.append(day_range.part(stop, len(day_range)))
    if start > 0:
        left.append(day_range.part(0, start))
    return day_range.part(start, stop), tuple(left)


def _priority(day_range: DayRange) -> Priority:
    age_days = (datetime.now(UTC).date() - day_range.last).days
    return Priority.TODAY if age_days <= 1 else Priority.BACKFILL
