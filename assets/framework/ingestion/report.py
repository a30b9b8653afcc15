"""What a run did: sums in all and by day, and each request that failed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date

from assets.framework.ingestion.fetch_result import FetchResult, Outcome
from givenergy import BudgetSnapshot, GivEnergyError
from warehouse import BuildReport

_BUILD_COUNTS = ("rows_in", "new", "identical", "superseding", "superseded", "quarantined")


@dataclass(slots=True)
class Figures:
    """Device-days, or else requests, planned, done and failed, and what they brought."""

    planned: int = 0
    done: int = 0
    failed: int = 0
    rows: int = 0
    requests: int = 0
    bytes: int = 0
    request_s: float = 0.0

    def count(self, result: FetchResult) -> None:
        """Count one device-day, or else one request."""
        self.done += 1
        self.failed += result.is_failure

    def add(self, result: FetchResult) -> None:
        """Add what a request brought."""
        self.rows += result.rows
        self.requests += result.requests
        self.bytes += result.bytes
        self.request_s += result.request_s


@dataclass(slots=True)
class IngestionReport:
    """What a run did and what is left.

    Attributes:
        dataset: its name.
        by_day: whether it is requested by day.
        total: figures of the run.
        days: figures by requested date; of a dataset that is requested by day.
        results: what became of each request; of a dataset that is not requested by day.
        failures: requests that brought less than they should have.
        gone: what the API said of devices that it does not know any more.
        unavailable: what the account turned out to lack, in words.
        built: rows that went into the build, by what became of them; empty if nothing was built.
        stopped: why nothing more was requested, if so.
        cancelled: whether somebody ended it.
        waited_s: seconds that its requests waited for the budget, summed over threads.
        budget: the account's budget at the end of the run.
    """

    dataset: str
    by_day: bool = False
    total: Figures = field(default_factory=Figures)
    days: dict[date, Figures] = field(default_factory=dict)
    results: list[FetchResult] = field(default_factory=list)
    failures: list[FetchResult] = field(default_factory=list)
    gone: dict[str, str] = field(default_factory=dict)
    unavailable: list[str] = field(default_factory=list)
    built: Counter[str] = field(default_factory=Counter)
    stopped: GivEnergyError | None = None
    cancelled: bool = False
    waited_s: float = 0.0
    budget: BudgetSnapshot | None = None
    _settled: set[date] = field(default_factory=set)

    @property
    def incomplete_days(self) -> set[date]:
        """Requested dates of which something that was planned is missing."""
        return {
            day for day, figures in self.days.items() if figures.failed or not _is_done(figures)
        }

    @property
    def is_complete(self) -> bool:
        """Whether nothing that was to be fetched is missing."""
        return not (self.failures or self.incomplete_days) and self.stopped is None

    @property
    def has_worked(self) -> bool:
        """Whether there was an answer, or nothing to request."""
        if not self.total.planned and not self.total.failed:
            return self.stopped is None
        return self.total.failed < self.total.done

    def take_settled_days(self) -> list[date]:
        """Return the days that are done, with or without failures, and were not returned before."""
        done = [day for day, of_day in self.days.items() if _is_done(of_day)]
        settled = [day for day in done if day not in self._settled]
        self._settled.update(settled)
        return settled

    def count_planned_days(self, days: Iterable[date]) -> None:
        """Count device-days that are to be requested, given by their dates."""
        for day in days:
            self.days.setdefault(day, Figures()).planned += 1
            self.total.planned += 1

    def add(self, result: FetchResult) -> None:
        """Count a request that has been dealt with.

        What one request brought for several days is counted with the newest of them.
        """
        day_range = result.request.day_range
        self.total.add(result)
        if day_range is None:
            self.total.count(result)
            self.results.append(result)
        else:
            for day in day_range.days:
                self.total.count(result)
                self.days[day].count(result)
            self.days[day_range.last].add(result)
        if result.outcome is Outcome.GONE:
            self.gone[result.request.device_id] = result.message
        if result.is_failure:
            # An error holds on to its response, of which there can be thousands by day.
            self.failures.append(replace(result, error=None) if day_range else result)

    def add_build(self, build: BuildReport) -> None:
        """Count what a build did with the rows it took."""
        for what in _BUILD_COUNTS:
            self.built[what] += build.rows(what)


def _is_done(figures: Figures) -> bool:
    return figures.done >= figures.planned
