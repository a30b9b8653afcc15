"""What a run did: sums by day, and each device-day that went wrong."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from assets.framework.ingestion.fetcher import Outcome, Result
from givenergy import BudgetSnapshot, GivEnergyError
from warehouse import BuildReport

_GOOD = (Outcome.FETCHED, Outcome.GONE, Outcome.IN_PROGRESS_ELSEWHERE)
_BUILD_COUNTS = ("rows_in", "new", "identical", "superseding", "superseded", "quarantined")


@dataclass(slots=True)
class DayFigures:
    """A requested date over all devices: device-days wanted and done, and what they brought."""

    wanted: int = 0
    done: int = 0
    given: bool = False
    failed: int = 0
    rows: int = 0
    requests: int = 0
    bytes: int = 0
    request_s: float = 0.0


@dataclass(slots=True)
class Report:
    """What a run did and what is left.

    Attributes:
        days: figures by requested date.
        done: device-days that have been dealt with.
        failures: device-days that are neither there nor known to be out of reach.
        gone: what the API said of devices that it does not know any more.
        built: rows that went into the build, by what became of them.
        stopped: why nothing more was asked for, if so.
        cancelled: whether somebody ended it.
        waited_s: seconds that its requests waited for the budget, summed over threads.
        budget: the account's budget at the end of the run.
    """

    days: dict[date, DayFigures] = field(default_factory=dict)
    done: int = 0
    failures: list[Result] = field(default_factory=list)
    gone: dict[str, str] = field(default_factory=dict)
    built: Counter[str] = field(default_factory=Counter)
    stopped: GivEnergyError | None = None
    cancelled: bool = False
    waited_s: float = 0.0
    budget: BudgetSnapshot | None = None

    @property
    def total(self) -> DayFigures:
        """The figures of all days together."""
        days = self.days.values()
        return DayFigures(
            wanted=sum(day.wanted for day in days),
            done=sum(day.done for day in days),
            failed=sum(day.failed for day in days),
            rows=sum(day.rows for day in days),
            requests=sum(day.requests for day in days),
            bytes=sum(day.bytes for day in days),
            request_s=sum(day.request_s for day in days),
        )

    @property
    def incomplete_days(self) -> set[date]:
        """Requested dates of which something that was wanted is missing."""
        return {day for day, of in self.days.items() if of.failed or of.done < of.wanted}

    @property
    def has_worked(self) -> bool:
        """Whether there was an answer, or nothing to ask for."""
        total = self.total
        return total.failed < total.done or (total.wanted == 0 and self.stopped is None)

    def take_done(self) -> list[date]:
        """Give the days that are done, with or without failures, and were not given before."""
        done = [day for day, of in self.days.items() if of.done == of.wanted and not of.given]
        for day in done:
            self.days[day].given = True
        return done

    def day_range(self, days: Iterable[date]) -> None:
        """Count device-days that are to be asked for, given by their dates."""
        for day in days:
            self.days.setdefault(day, DayFigures()).wanted += 1

    def add(self, result: Result) -> None:
        """Count device-days that have been dealt with.

        What one request brought for several days is counted with the newest of them.
        """
        days = result.day_range.days
        for day in days:
            self.days[day].done += 1
        self.done += len(days)
        newest = self.days[days[-1]]
        newest.rows += result.rows
        newest.requests += result.requests
        newest.bytes += result.bytes
        newest.request_s += result.request_s
        if result.outcome is Outcome.GONE:
            self.gone[result.day_range.device_id] = result.message
        if result.outcome not in _GOOD:
            for day in days:
                self.days[day].failed += 1
            self.failures.append(result)

    def add_build(self, build: BuildReport) -> None:
        """Count what a build did with the rows it took."""
        for what in _BUILD_COUNTS:
            self.built[what] += build.rows(what)
