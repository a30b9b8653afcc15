"""Count the requests of a command's runs: made so far, and expected in all.

What is planned is corrected while responses arrive: a list can have more pages than expected, a
range that the API refuses is requested in parts, and a response can give other requests to make.
"""

from dataclasses import dataclass

from assets.framework.ingestion.report import IngestionReport

# The share of the planned device-days that must be done to count as much as the plan.
_PRIOR = 0.02


@dataclass(slots=True)
class _DatasetCounts:
    """The counts of one dataset over all its runs; `days` are device-days.

    `planned` counts all requests of a dataset without days, otherwise those of `planned_days`;
    `completed` are the requests of `days`, `made` those in flight as well.
    """

    planned: int = 0
    planned_days: int = 0
    made: int = 0
    made_before: int = 0
    completed: int = 0
    completed_before: int = 0
    days: int = 0
    days_before: int = 0

    @property
    def expected(self) -> int:
        """Requests in all: as many for each day that is left as the plan and the others took."""
        if not self.planned_days:
            return max(self.made, self.planned)
        weight = _PRIOR * self.planned_days
        each = (self.completed + weight * self.planned / self.planned_days) / (self.days + weight)
        left = max(self.planned_days - self.days, 0)
        return max(self.made, round(self.completed + left * each)) if left else self.made


class RequestCounts:
    """The requests of all runs of a command."""

    def __init__(self) -> None:
        """Start without a plan."""
        self._datasets: dict[str, _DatasetCounts] = {}

    def expect(self, dataset: str, requests: int, days: int = 0) -> None:
        """Set what is planned of a dataset from now on.

        Args:
            dataset: Its name.
            requests: Requests, at least.
            days: Device-days that they cover; 0 if it is not requested by day.
        """
        counts = self._datasets.setdefault(dataset, _DatasetCounts())
        counts.planned = counts.made + requests
        counts.planned_days = counts.days + days

    def observe(self, report: IngestionReport) -> None:
        """Take over the counts of a run in progress."""
        counts = self._datasets.setdefault(report.dataset, _DatasetCounts())
        counts.made = counts.made_before + max(report.sent, report.total.requests)
        if report.by_day:
            counts.completed = counts.completed_before + report.total.requests
            counts.days = counts.days_before + report.total.done
        else:
            counts.planned = counts.made_before + report.expected + report.pages_announced

    def finish(self, report: IngestionReport) -> None:
        """Take over the counts of a run that has ended."""
        self.observe(report)
        counts = self._datasets[report.dataset]
        counts.made_before, counts.days_before = counts.made, counts.days
        counts.completed_before = counts.completed
        if not report.by_day or report.stopped is not None:
            # Nothing more of it follows.
            counts.planned, counts.planned_days = counts.made, 0

    @property
    def made(self) -> int:
        """Requests made so far."""
        return sum(counts.made for counts in self._datasets.values())

    @property
    def expected(self) -> int:
        """Requests expected in all, those made included."""
        return sum(counts.expected for counts in self._datasets.values())
