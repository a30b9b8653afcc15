"""The progress of runs: a progress bar in a terminal, a line every ten seconds elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn

from assets.framework.ingestion.fetch_result import DatasetStoppedError
from assets.framework.ingestion.report import IngestionReport
from givenergy.budget.request_budget import BudgetSnapshot
from givenergy.errors import ForbiddenError, GivEnergyError, PaymentRequiredError
from pipelines.cli.common import console, duration, plural, printable
from pipelines.cli.request_counts import RequestCounts
from pipelines.cli.time_left import TimeLeft

_LINE_EVERY_S = 10.0
# A state is shown for so long after it was last seen: single requests end a wait for a moment.
_STATE_SHOWN_S = 3.0


class ProgressReporter:
    """Show requests and the time left; collect the reports of the runs."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Show nothing yet; `clock` returns seconds."""
        self.reports: list[IngestionReport] = []
        self.closed: set[str] = set()
        self._clock = clock
        self._counts = RequestCounts()
        self._time_left = TimeLeft(clock())
        self._seen = (0, 0)
        self._state, self._state_seen_s = "", clock()
        self._printed_s = clock()
        self._console = console(stderr=True)
        self._bar = Progress(
            BarColumn(bar_width=10),
            TextColumn("{task.description}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def close(self) -> None:
        """Stop the progress bar."""
        self._bar.stop()

    def expect(self, dataset: str, requests: int, days: int = 0) -> None:
        """Set what is planned of a dataset; see `RequestCounts.expect`."""
        self._counts.expect(dataset, requests, days)

    def progress(self, report: IngestionReport) -> None:
        """Show the state of a run after a request, and about every second without one."""
        self._counts.observe(report)
        now_s, budget = self._clock(), report.budget
        made, expected = self._counts.made, self._counts.expected
        limit, budget_s = None, 0.0
        if budget is not None:
            limit = budget.limit - budget.reserve
            budget_s = budget.seconds_for(expected - made)
            # Between two responses some threads always wait; it matters if none arrives.
            is_idle = self._seen == (made, report.total.done)
            if state := _state_of(budget) if is_idle else "":
                self._state, self._state_seen_s = state, now_s
        if now_s - self._state_seen_s > _STATE_SHOWN_S:
            self._state = ""
        self._seen = (made, report.total.done)
        left_s = self._time_left.update(now_s, made, expected, limit, budget_s)
        line = (
            f"{made:,} of {plural(expected, 'request')}, {duration(left_s)} left:"
            f" {self._state or report.dataset}"
        )
        self._bar.update(self._task, completed=made, total=max(expected, 1), description=line)
        if not self._console.is_terminal and now_s - self._printed_s >= _LINE_EVERY_S:
            self._printed_s = now_s
            self._console.print(line)

    def tell(self, sentence: str) -> None:
        """Print a sentence, above the progress bar."""
        self._console.print(printable(sentence))

    def finished(self, report: IngestionReport) -> None:
        """Collect the report of a run."""
        self.reports.append(report)
        self._counts.finish(report)
        if report.by_day and report.stopped is not None:
            self.closed.add(report.dataset)

    @property
    def cancelled(self) -> bool:
        """Whether the owner interrupted a run."""
        return any(report.cancelled for report in self.reports)

    @property
    def stopped(self) -> list[GivEnergyError]:
        """The errors that ended runs early."""
        return [report.stopped for report in self.reports if report.stopped is not None]

    @property
    def ended(self) -> bool:
        """Whether further runs are pointless.

        A token or a plan without one dataset may have others; `closed` names those that it lacks.
        """
        one_dataset = (ForbiddenError, PaymentRequiredError, DatasetStoppedError)
        return self.cancelled or not all(isinstance(error, one_dataset) for error in self.stopped)


def _state_of(budget: BudgetSnapshot) -> str:
    """Return why no request is sent at the moment; "" if there is no such reason."""
    if budget.host_down_for_s is not None:
        return f"the API has failed for {duration(budget.host_down_for_s)}"
    return "waiting for the request budget" if any(budget.waiting.values()) else ""
