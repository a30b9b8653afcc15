"""The report of a run: totals, counts per day, and failed requests."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date

from assets.framework.ingestion.fetch_result import FetchResult, Outcome
from givenergy.budget.request_budget import BudgetSnapshot
from givenergy.errors import GivEnergyError
from warehouse.tables.build_report import BuildReport

_BUILD_COUNTS = (
    "rows_in",
    "new",
    "identical",
    "superseding",
    "superseded",
    "quarantined",
    "partly_quarantined",
)


@dataclass(slots=True)
class FetchCounts:
    """Counts of planned, done and failed device-days or requests, and of received data."""

    planned: int = 0
    done: int = 0
    failed: int = 0
    rows: int = 0
    requests: int = 0
    bytes: int = 0
    request_s: float = 0.0

    def count(self, result: FetchResult) -> None:
        """Count one device-day or request."""
        self.done += 1
        self.failed += result.is_failure

    def add(self, result: FetchResult) -> None:
        """Add the received data of a request."""
        self.rows += result.rows
        self.requests += result.requests
        self.bytes += result.bytes
        self.request_s += result.request_s


@dataclass(slots=True)
class IngestionReport:
    """The report of a run.

    Attributes:
        dataset: Its name.
        by_day: Whether it is requested by day.
        total: Counts of the run.
        days: Counts by requested date, if the dataset is requested by day.
        results: Results by request, if the dataset is not requested by day.
        failures: Results that are missing or incomplete.
        gone: Messages of the API about devices that no longer exist, by device.
        unavailable: Reasons why endpoints are unavailable.
        built: Number of rows built, by result; empty if nothing was built.
        stopped: The error that stopped the run, if any.
        cancelled: Whether the run was interrupted.
        sent: Requests sent so far, those without a result yet included.
        expected: Requests planned, without further pages, if the dataset is not requested by day.
        pages_announced: Pages after the first one that the API has announced.
        waited_s: Seconds of waiting for the budget, summed over threads; without outages.
        outage_s: Seconds in which the API did not respond and all requests waited.
        outage: Since when the API does not respond, as a sentence; empty while it does.
        budget: The account's budget, lately or at the end of the run.
    """

    dataset: str
    by_day: bool = False
    total: FetchCounts = field(default_factory=FetchCounts)
    days: dict[date, FetchCounts] = field(default_factory=dict)
    results: list[FetchResult] = field(default_factory=list)
    failures: list[FetchResult] = field(default_factory=list)
    gone: dict[str, str] = field(default_factory=dict)
    unavailable: list[str] = field(default_factory=list)
    built: Counter[str] = field(default_factory=Counter)
    stopped: GivEnergyError | None = None
    cancelled: bool = False
    sent: int = 0
    expected: int = 0
    pages_announced: int = 0
    waited_s: float = 0.0
    outage_s: float = 0.0
    outage: str = ""
    budget: BudgetSnapshot | None = None
    _settled: set[date] = field(default_factory=set)

    @property
    def incomplete_days(self) -> set[date]:
        """Requested dates with missing device-days."""
        return {day for day, counts in self.days.items() if counts.failed or not _is_done(counts)}

    @property
    def is_complete(self) -> bool:
        """Whether everything planned was fetched."""
        return not (self.failures or self.incomplete_days) and self.stopped is None

    @property
    def has_worked(self) -> bool:
        """Whether at least one request succeeded or none was needed."""
        if not self.total.planned and not self.total.failed:
            return self.stopped is None
        return self.total.failed < self.total.done

    def take_settled_days(self) -> list[date]:
        """Return newly finished days, with or without failures."""
        done = [day for day, counts in self.days.items() if _is_done(counts)]
        settled = [day for day in done if day not in self._settled]
        self._settled.update(settled)
        return settled

    def count_planned_days(self, days: Iterable[date]) -> None:
        """Count planned device-days by their dates."""
        for day in days:
            self.days.setdefault(day, FetchCounts()).planned += 1
            self.total.planned += 1

    def add(self, result: FetchResult) -> None:
        """Count the result of a request.

        Data received for several days is counted with the newest of them.
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
            # An error references its response, and there can be thousands.
            self.failures.append(replace(result, error=None) if day_range else result)

    def add_build(self, build: BuildReport) -> None:
        """Add the counts of a build."""
        for name in _BUILD_COUNTS:
            self.built[name] += build.rows(name)


def _is_done(counts: FetchCounts) -> bool:
    return counts.done >= counts.planned
