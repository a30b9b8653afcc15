"""One dataset over a range of days: plan, collect, build as answers come in, and account for it."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from assets.framework.claims import Want
from assets.framework.collect import Outcome, Result, Stopped, collect
from assets.framework.dataset import Dataset
from assets.framework.devices import Device
from assets.framework.plan import plan
from assets.framework.session import Session
from givenergy import AccessError, Priority
from warehouse import BuildReport, build

# Tables are built while answers come in, so that analysts see data soon, and at most this often,
# because each build rewrites the files of the months that it touches.
_BUILD_EVERY_BYTES = 64 * 2**20
_BUILD_EVERY_S = 60.0
# Device-days that another process is fetching are looked at again after this long.
_ELSEWHERE_WAIT_S = 2.0

Progress = Callable[["Report"], None]


@dataclass(slots=True)
class Report:
    """What a run did and what is left.

    Attributes:
        wanted: device-days that were to be asked for.
        results: one for each device-day that was dealt with.
        builds: what the builds on the way did.
        stopped: why nothing more was asked for, if so.
        cancelled: whether somebody ended it.
        waited_s: seconds that its requests waited for the budget, summed over threads.
    """

    wanted: tuple[Want, ...] = ()
    results: list[Result] = field(default_factory=list)
    builds: list[BuildReport] = field(default_factory=list)
    stopped: AccessError | None = None
    cancelled: bool = False
    waited_s: float = 0.0

    @property
    def failures(self) -> list[Result]:
        """Device-days that were wanted and are neither there nor known to be out of reach."""
        good = (Outcome.FETCHED, Outcome.GONE, Outcome.ELSEWHERE)
        return [result for result in self.results if result.outcome not in good]

    @property
    def left(self) -> int:
        """Number of device-days not dealt with."""
        return len(self.wanted) - len(self.results)

    def take_back_elsewhere(self) -> list[Want]:
        """Remove and return the device-days that another process was fetching."""
        elsewhere = [result for result in self.results if result.outcome is Outcome.ELSEWHERE]
        self.results = [
            result for result in self.results if result.outcome is not Outcome.ELSEWHERE
        ]
        return [result.want for result in elsewhere]

    def settle_elsewhere(self, wants: Sequence[Want], still_wanted: Sequence[Want]) -> list[Want]:
        """Count what the other process has fetched as dealt with, and return the rest."""
        rest = set(still_wanted)
        self.results += [Result(want, Outcome.ELSEWHERE) for want in wants if want not in rest]
        return [want for want in wants if want in rest]

    def by_day(self) -> dict[date, list[Result]]:
        """Group the results by requested date."""
        days: dict[date, list[Result]] = {}
        for result in self.results:
            days.setdefault(result.want.day, []).append(result)
        return days


def ingest(
    session: Session,
    dataset: Dataset,
    devices: Sequence[Device],
    start: date,
    end: date,
    *,
    again: bool = False,
    refresh: bool = False,
    with_table: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Fetch what is missing between two days, both included, and build the table from it.

    What was archived earlier and not yet built, by whomever, is built before anything is asked for.

    Args:
        session: stores, client and budget.
        dataset: what to fetch.
        devices: whose days.
        start: first day.
        end: last day.
        again: fetch what is there as well.
        refresh: fetch the days that were not over when they were fetched.
        with_table: False to leave the table alone.
        progress: called with the report after each device-day.
    """
    report = Report()

    def build_now() -> None:
        if with_table:
            session.lake.archive.flush()
            report.builds.append(build(session.lake, dataset))

    build_now()
    now = datetime.now(UTC)
    chosen = plan(
        session.lake,
        dataset,
        devices,
        start,
        end,
        session.zone,
        now=now,
        again=again,
        refresh=refresh,
        refused=True,
    )
    report.wanted = chosen.wants
    try:
        wants: Sequence[Want] = chosen.wants
        while wants and not session.cancelled.is_set():
            for priority, part in _by_priority(wants, now):
                _collect(session, dataset, part, priority, report, build_now, progress)
            wants = report.take_back_elsewhere()
            if wants and not session.cancelled.wait(_ELSEWHERE_WAIT_S):
                session.lake.archive.flush()
                states = plan(
                    session.lake,
                    dataset,
                    devices,
                    start,
                    end,
                    session.zone,
                    now=now,
                    refresh=refresh,
                )
                wants = report.settle_elsewhere(wants, states.wants)
    except Stopped as stopped:
        report.stopped = stopped.error
    finally:
        session.lake.archive.flush()
        report.waited_s = session.client.totals.waited_s
    report.cancelled = session.cancelled.is_set()
    if chosen.wants:
        build_now()
    return report


def _by_priority(wants: Sequence[Want], now: datetime) -> Iterator[tuple[Priority, list[Want]]]:
    """Split wants into those of today and yesterday, which come before all others, and the rest."""
    recent = [want for want in wants if (now.date() - want.day).days <= 1]
    older = [want for want in wants if (now.date() - want.day).days > 1]
    if recent:
        yield Priority.TODAY, recent
    if older:
        yield Priority.BACKFILL, older


def _collect(
    session: Session,
    dataset: Dataset,
    wants: Sequence[Want],
    priority: Priority,
    report: Report,
    build_now: Callable[[], None],
    progress: Progress | None,
) -> None:
    unbuilt_bytes = 0
    built_at = time.monotonic()
    for result in collect(session, dataset, wants, priority):
        report.results.append(result)
        unbuilt_bytes += result.bytes
        if unbuilt_bytes > _BUILD_EVERY_BYTES or (
            unbuilt_bytes and time.monotonic() - built_at > _BUILD_EVERY_S
        ):
            build_now()
            unbuilt_bytes = 0
            built_at = time.monotonic()
        if progress:
            progress(report)
