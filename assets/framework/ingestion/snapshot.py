"""Datasets that are asked for as they stand now: ask, archive, build, one after the other.

What to ask for is the dataset's business; what was archived earlier and not built yet, by whomever,
is built first.
"""

from collections import deque
from collections.abc import Callable, Container, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import msgspec

from assets.framework.contract.dataset import SnapshotDataset
from assets.framework.contract.known_state import KnownState
from assets.framework.contract.request import Request
from assets.framework.ingestion.availability import Availability
from assets.framework.ingestion.fetcher import AccessRevokedError, Outcome, entries_of
from assets.framework.ingestion.session import Session
from givenergy import (
    AccessError,
    CancelledError,
    Fetched,
    ForbiddenError,
    GivEnergyError,
    Lease,
    NotFoundError,
    Priority,
    RequestRefusedError,
)
from givenergy.errors import MissingCapability
from warehouse import BuildReport, build, refresh_coverage

_LEASE_S = 300.0
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one ask; `message` is a whole sentence unless it was fetched.

    `left` is what is to be asked for instead.
    """

    request: Request
    outcome: Outcome
    message: str = ""
    rows: int = 0
    requests: int = 0
    left: tuple[Request, ...] = ()
    error: GivEnergyError | None = None


@dataclass(slots=True)
class SnapshotReport:
    """What a refresh did.

    Attributes:
        dataset: its name.
        answers: what became of each ask.
        unavailable: what the account turned out not to have, in words.
        built: rows that went into the tables, by what became of them; None if nothing was built.
        stopped: why nothing more was asked for, if so.
    """

    dataset: str
    answers: list[Answer] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)
    built: BuildReport | None = None
    stopped: GivEnergyError | None = None

    @property
    def failures(self) -> list[Answer]:
        """Asks that brought nothing although they should have."""
        bad = (Outcome.FAILED, Outcome.INCOMPLETE, Outcome.FORBIDDEN)
        return [answer for answer in self.answers if answer.outcome in bad]

    @property
    def has_worked(self) -> bool:
        """Whether there was an answer, or nothing to ask for."""
        if not self.failures:
            return self.stopped is None
        return len(self.failures) < len(self.answers)

    @property
    def rows(self) -> int:
        """Rows received."""
        return sum(answer.rows for answer in self.answers)

    @property
    def requests(self) -> int:
        """Requests made, failed ones of answers that came in the end included."""
        return sum(answer.requests for answer in self.answers)


Progress = Callable[[SnapshotReport], None]


def refresh(
    session: Session,
    dataset: SnapshotDataset,
    state: KnownState,
    *,
    only: Container[str] | None = None,
    progress: Progress | None = None,
) -> SnapshotReport:
    """Ask for what a dataset wants now, archive the answers and build its tables.

    Args:
        session: stores, client and budget.
        dataset: what to refresh.
        state: what is known.
        only: devices to ask about, "" for the account; None means all.
        progress: called with the report after each answer.
    """
    report = SnapshotReport(dataset.name)
    lake = session.lake
    lake.archive.flush()
    report.built = build(lake, dataset)
    refresh_coverage(lake, [])
    run = _SnapshotRun(session, dataset, state, report, only)
    try:
        for answer in run.answers():
            report.answers.append(answer)
            if progress:
                progress(report)
    except AccessRevokedError as stopped:
        report.stopped = stopped.error
    finally:
        run.finish()
    if report.answers or report.stopped:
        report.built = build(lake, dataset)
        refresh_coverage(lake, [])
    dataset.observe_responses(state, run.fetched)
    return report


class _SnapshotRun:
    """The asks of one refresh, several in flight."""

    def __init__(
        self,
        session: Session,
        dataset: SnapshotDataset,
        state: KnownState,
        report: SnapshotReport,
        only: Container[str] | None,
    ) -> None:
        self.fetched: list[tuple[Request, Fetched]] = []
        self._session = session
        self._dataset = dataset
        self._view = state
        self._report = report
        self._only = only
        self._unavailable = Availability(session.lake, dataset.name)
        self._planned_at = session.lake.archive.last_segment()
        self._held: list[Lease] = []
        with state.reading():
            self._known = {answer.device_id for answer in state.answered(dataset.name)}
            self._requests = list(dataset.requests(state))
        self._has_answered = bool(self._known)

    def answers(self) -> Iterator[Answer]:
        """Fetch; yield what became of each ask."""
        planned = (request for request in self._requests if self._is_wanted(request))
        left: deque[Request] = deque()
        with ThreadPoolExecutor(self._session.connections, "refresh") as pool:
            running: set[Future[Answer | None]] = set()
            try:
                while True:
                    while len(running) < self._most_in_flight():
                        request = left.popleft() if left else next(planned, None)
                        if request is None:
                            break
                        running.add(pool.submit(self._fetch, request))
                    if not running:
                        break
                    done, running = wait(running, _LOOK_EVERY_S, return_when=FIRST_COMPLETED)
                    for future in done:
                        answer = future.result()
                        if answer is not None:
                            left.extend(answer.left)
                        if answer is not None and answer.outcome is not Outcome.SPLIT:
                            yield answer
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _most_in_flight(self) -> int:
        """What may not exist is asked for by one request at a time, until there is an answer."""
        if self._dataset.optional and not self._has_answered:
            return 1
        return 2 * self._session.connections

    def finish(self) -> None:
        """Make what was fetched durable, then give up the claims on it."""
        self._session.lake.archive.flush()
        for lease in self._held:
            lease.release()

    def _is_wanted(self, request: Request) -> bool:
        if self._only is not None and request.device_id not in self._only:
            return False
        why = None if self._view.refetch else self._unavailable.why(request.subject, self._view.now)
        if why is not None and why not in self._report.unavailable:
            self._report.unavailable.append(why)
        return why is None

    def _fetch(self, request: Request) -> Answer | None:
        if self._session.cancelled.is_set():
            return None
        key = f"{self._dataset.name}/{request.device_id}/{request.label}"
        lease = self._session.budget.lease(key, _LEASE_S)
        if lease is None or self._already_fetched(request):
            if lease is not None:
                lease.release()
            return Answer(request, Outcome.IN_PROGRESS_ELSEWHERE, "Another process is fetching it.")
        answer = None
        try:
            answer = self._ask(request)
        finally:
            # Only what is in the archive must not be asked for again by whoever comes next.
            if answer is not None and answer.outcome in (Outcome.FETCHED, Outcome.INCOMPLETE):
                self._held.append(lease)
            else:
                lease.release()
        return answer

    def _ask(self, request: Request) -> Answer | None:
        try:
            fetched = self._session.client.fetch(
                self._dataset.endpoint,
                path=request.path,
                query=request.query,
                body=request.body,
                priority=Priority.TODAY,
                context={"dataset": self._dataset.name, "device_id": request.device_id},
                enough=request.enough,
            )
        except CancelledError:
            return None
        except (NotFoundError, ForbiddenError) as error:
            return self._refused(request, error)
        except AccessError as error:
            raise AccessRevokedError(error) from error
        except RequestRefusedError as error:
            instead = tuple(request.instead()) if request.instead else ()
            outcome = Outcome.SPLIT if instead else Outcome.FAILED
            return Answer(request, outcome, str(error), requests=1, left=instead, error=error)
        except GivEnergyError as error:
            return Answer(request, Outcome.FAILED, str(error), error=error)
        self._has_answered = True
        self._unavailable.forget(request.subject)
        self._session.lake.archive.append(
            entries_of(
                fetched,
                self._dataset.endpoint,
                dataset=self._dataset.name,
                account=self._session.account,
                device_id=request.device_id,
                zone=self._view.zone,
            )
        )
        self.fetched.append((request, fetched))
        return Answer(
            request,
            Outcome.FETCHED if fetched.complete else Outcome.INCOMPLETE,
            fetched.missing or "",
            rows=sum(page.rows or 1 for page in fetched.pages if page.rows != 0),
            requests=sum(page.attempts for page in fetched.pages),
        )

    def _refused(self, request: Request, error: NotFoundError | ForbiddenError) -> Answer:
        """Tell what the account lacks from what has gone, and from what it should be able to see.

        An optional endpoint that is refused is not available; it is not asked again for a while.
        A thing that has answered before has the endpoint: it is asked again like any other.
        """
        if self._dataset.optional and not (
            error.missing_capability is MissingCapability.RESOURCE
            and request.device_id in self._known
        ):
            # A token without the scope gets the same for every device; where the answer does not
            # tell, one device that was let in shows that it is not that.
            everywhere = error.missing_capability is MissingCapability.ENDPOINT or (
                error.missing_capability is MissingCapability.UNCLEAR and not self._has_answered
            )
            why = self._unavailable.note(
                "" if everywhere else request.subject, str(error), self._view.now
            )
            if why not in self._report.unavailable:
                self._report.unavailable.append(why)
            return Answer(request, Outcome.GONE, why, requests=1)
        outcome = Outcome.GONE if isinstance(error, NotFoundError) else Outcome.FORBIDDEN
        return Answer(request, outcome, str(error), requests=1, error=error)

    def _already_fetched(self, request: Request) -> bool:
        """Tell whether somebody has fetched the same since this refresh was planned."""
        archive = self._session.lake.archive
        last = archive.last_segment()
        if last == self._planned_at:
            return False
        path = self._dataset.endpoint.url_path(request.path)
        for rows in archive.scan(
            ["device_id", "path", "params", "outcome"],
            dataset=self._dataset.name,
            after=self._planned_at,
            up_to=last,
        ):
            for row in rows.to_pylist():
                about = (row["outcome"], row["device_id"], row["path"])
                if about == ("ok", request.device_id, path) and _same(row["params"], request):
                    return True
        return False


def _same(params: str, request: Request) -> bool:
    """Tell whether archived parameters, but for those of paging, are those of an ask."""
    wanted = {**request.query, **(request.body or {})}
    archived = {
        name: value
        for name, value in msgspec.json.decode(params).items()
        if name not in ("page", "pageSize")
    }
    return bool(msgspec.to_builtins(wanted) == archived)
