"""Asking for what is wanted, several requests in flight, every answer into the archive.

A failure of one device-day never stops the others; what makes all further requests pointless, such
as a token that is refused, stops all. Nothing here decodes a row.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import islice

import msgspec

from assets.framework.claims import Claims, Want
from assets.framework.dataset import Dataset
from assets.framework.session import Session
from givenergy import (
    AccessError,
    CancelledError,
    DeviceNotFoundError,
    Endpoint,
    Fetched,
    ForbiddenError,
    GivEnergyError,
    Priority,
)
from warehouse import Entry

# A third party's lock closes single devices; a missing scope closes all. This many devices are
# asked before a refusal counts as one of the whole account.
_REFUSALS_UNTIL_STOP = 3
# How often the thread that waits for answers looks after what has come in.
_LOOK_EVERY_S = 1.0


class Outcome(StrEnum):
    """What became of a device-day that was wanted."""

    FETCHED = "fetched"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    DENIED = "denied"
    GONE = "gone"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one device-day; `message` is a whole sentence unless it was fetched."""

    want: Want
    outcome: Outcome
    message: str = ""
    rows: int = 0
    requests: int = 0
    bytes: int = 0
    request_s: float = 0.0


class Stopped(Exception):
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
    request_date: date | None = None,
    zone: str | None = None,
) -> list[Entry]:
    """Make the archive's entries of an answer, one for each page."""
    return [
        Entry(
            dataset=dataset,
            device_id=device_id,
            request_date=request_date,
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
    session: Session, dataset: Dataset, wants: Iterable[Want], claims: Claims
) -> Iterator[Result]:
    """Fetch device-days into the archive and yield what became of each, in the order of completion.

    Today and yesterday go before what others want of history. Closing the generator, or setting
    `session.cancelled`, ends it: requests in flight are finished and archived, no other is begun.

    Raises:
        Stopped: if the account is refused (401, 402, or 403 for every device asked).
    """
    collector = _Collector(session, dataset, claims)
    queue = iter(wants)
    threads = session.connections
    with ThreadPoolExecutor(threads, thread_name_prefix="fetch") as pool:
        running: set[Future[Result | None]] = set()
        try:
            while True:
                for want in islice(queue, 2 * threads - len(running)):
                    running.add(pool.submit(collector.fetch, want))
                if not running:
                    break
                done, running = wait(running, _LOOK_EVERY_S, return_when=FIRST_COMPLETED)
                claims.flush_if_due()
                for future in done:
                    if (result := future.result()) is not None:
                        yield result
        finally:
            collector.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            claims.flush()
    collector.raise_if_refused()


class _Collector:
    """Fetches single device-days; remembers what makes further ones pointless."""

    def __init__(self, session: Session, dataset: Dataset, claims: Claims) -> None:
        self._claims = claims
        self._session = session
        self._dataset = dataset
        self._closed: dict[str, Result] = {}
        self._answered = False
        self._refusal: AccessError | None = None
        self._stopped = False

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopped = True

    def raise_if_refused(self) -> None:
        if self._refusal is not None and not self._answered:
            raise Stopped(self._refusal)

    def fetch(self, want: Want) -> Result | None:
        """Fetch one device-day, or None if the work has been stopped."""
        if self._stopped or self._session.cancelled.is_set():
            return None
        closed = self._closed.get(want.device_id)
        if closed is not None:
            return Result(want, closed.outcome, closed.message)
        claim = self._claims.take(want)
        if claim is None:
            return Result(want, Outcome.ELSEWHERE, "Another process is fetching it.")
        result = None
        try:
            result = self._ask(want)
        finally:
            if result is not None and result.outcome in (Outcome.FETCHED, Outcome.INCOMPLETE):
                self._claims.keep(claim)
            else:
                claim.release()
        return result

    def _ask(self, want: Want) -> Result | None:
        context = {
            "dataset": self._dataset.name,
            "device_id": want.device_id,
            "request_date": want.day.isoformat(),
            "request_zone": self._session.zone,
        }
        try:
            fetched = self._session.client.fetch(
                self._dataset.endpoint,
                path=self._dataset.path(want.device_id, want.day),
                priority=_priority(want),
                context=context,
            )
        except CancelledError:
            return None
        except DeviceNotFoundError as error:
            return self._close(Result(want, Outcome.GONE, str(error)))
        except ForbiddenError as error:
            result = self._close(Result(want, Outcome.DENIED, str(error)))
            self._refusal = error
            if not self._answered and len(self._closed) >= _REFUSALS_UNTIL_STOP:
                raise Stopped(error) from error
            return result
        except AccessError as error:
            raise Stopped(error) from error
        except GivEnergyError as error:
            return Result(want, Outcome.FAILED, str(error))
        self._answered = True
        self._session.lake.archive.append(
            entries_of(
                fetched,
                self._dataset.endpoint,
                dataset=self._dataset.name,
                account=self._session.account,
                device_id=want.device_id,
                request_date=want.day,
                zone=self._session.zone,
            )
        )
        return Result(
            want,
            Outcome.FETCHED if fetched.complete else Outcome.INCOMPLETE,
            fetched.missing or "",
            rows=sum(page.rows or 0 for page in fetched.pages),
            requests=sum(page.attempts for page in fetched.pages),
            bytes=sum(len(page.body) for page in fetched.pages),
            request_s=sum(page.duration_s for page in fetched.pages),
        )

    def _close(self, result: Result) -> Result:
        """Ask a device that is gone or closed to us for no other day in this run."""
        self._closed[result.want.device_id] = result
        return result


def _priority(want: Want) -> Priority:
    age_days = (datetime.now(UTC).date() - want.day).days
    return Priority.TODAY if age_days <= 1 else Priority.BACKFILL
