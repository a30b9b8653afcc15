"""The progress of runs: a progress bar in a terminal, a line every ten seconds elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from assets.framework.ingestion.fetch_result import DatasetStoppedError
from assets.framework.ingestion.report import IngestionReport
from givenergy import ForbiddenError, GivEnergyError
from pipelines.cli.common import console, duration, plural, printable

_LINE_EVERY_S = 10.0


class ProgressReporter:
    """Show device-days, rate and remaining time; collect the reports of the runs."""

    def __init__(self) -> None:
        self.reports: list[IngestionReport] = []
        self.closed: set[str] = set()
        self._total = 0
        self._before = 0
        self._console = console(stderr=True)
        self._started = self._printed_at = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("device-days", total=None, rate="")

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

    def expect(self, total: int) -> None:
        """Set the number of device-days of all runs."""
        self._total = total
        self._started = self._printed_at = time.monotonic()
        self._bar.update(self._task, total=total, rate="")

    def progress(self, report: IngestionReport) -> None:
        """Show the state of a run after a request."""
        if not report.by_day:
            self._bar.update(self._task, rate=f"{report.dataset}: {report.total.done:,}")
            return
        done = self._before + report.total.done
        now = time.monotonic()
        per_minute = 60 * done / max(now - self._started, 1e-9)
        self._bar.update(self._task, completed=done, rate=f"{per_minute:,.0f}/min")
        if not self._console.is_terminal and now - self._printed_at >= _LINE_EVERY_S:
            self._printed_at = now
            left = duration((self._total - done) / max(per_minute / 60, 1e-9))
            self._console.print(
                f"{done:,} of {plural(self._total, 'device-day')}, {per_minute:,.0f} per minute,"
                f" {left} left"
            )

    def tell(self, sentence: str) -> None:
        """Print a sentence, above the progress bar."""
        self._console.print(printable(sentence))

    def finished(self, report: IngestionReport) -> None:
        """Collect the report of a run."""
        self.reports.append(report)
        if report.by_day:
            self._before += report.total.done
            if report.stopped is not None:
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

        A token that cannot read one dataset may read others; `closed` names the forbidden ones.
        """
        one_dataset = (ForbiddenError, DatasetStoppedError)
        return self.cancelled or not all(isinstance(error, one_dataset) for error in self.stopped)
