"""How a run is shown while it goes on: a bar in a terminal, now and then a line elsewhere."""

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

from assets.framework.contract.dataset import Dataset
from assets.framework.ingestion.report import Report
from assets.framework.ingestion.snapshot import SnapshotReport
from givenergy import ForbiddenError, GivEnergyError
from pipelines.cli.common import console, duration, plural

_LINE_EVERY_S = 10.0


class ProgressReporter:
    """Shows device-days done and left, rate and time left; keeps the reports of the runs."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        self.refreshes: list[SnapshotReport] = []
        self.closed: set[str] = set()
        self._total = 0
        self._before = 0
        self._console = console(stderr=True)
        self._started = self._said = time.monotonic()
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
        """Show nothing more."""
        self._bar.stop()

    def expect(self, total: int) -> None:
        """Expect `total` device-days over all runs."""
        self._total = total
        self._started = self._said = time.monotonic()
        self._bar.update(self._task, total=total, rate="")

    def progress(self, report: Report) -> None:
        """Show that one more device-day has been dealt with."""
        done = self._before + report.done
        now = time.monotonic()
        per_minute = 60 * done / max(now - self._started, 1e-9)
        self._bar.update(self._task, completed=done, rate=f"{per_minute:,.0f}/min")
        if not self._console.is_terminal and now - self._said >= _LINE_EVERY_S:
            self._said = now
            left = duration((self._total - done) / max(per_minute / 60, 1e-9))
            self._console.print(
                f"{done:,} of {plural(self._total, 'device-day')}, {per_minute:,.0f} a minute,"
                f" {left} left"
            )

    def finished(self, dataset: Dataset, report: Report) -> None:
        """Keep the report of a run."""
        self.reports.append(report)
        if report.stopped is not None:
            self.closed.add(dataset.name)
        self._before += report.done

    def snapshot_progress(self, report: SnapshotReport) -> None:
        """Show which dataset is being asked for."""
        self._bar.update(self._task, rate=f"{report.dataset}: {len(report.answers):,}")

    def snapshot_finished(self, report: SnapshotReport) -> None:
        """Keep the report of a refresh."""
        self.refreshes.append(report)

    @property
    def cancelled(self) -> bool:
        """Whether the owner ended a run."""
        return any(report.cancelled for report in self.reports)

    @property
    def stopped(self) -> list[GivEnergyError]:
        """Why runs ended before their work was done."""
        reports: list[Report | SnapshotReport] = [*self.reports, *self.refreshes]
        return [report.stopped for report in reports if report.stopped is not None]

    @property
    def ended(self) -> bool:
        """Whether further runs are pointless.

        A token that may not read one dataset may read others; `closed` names those it may not.
        """
        refused = (error for error in self.stopped if not isinstance(error, ForbiddenError))
        return self.cancelled or any(refused)
