"""Archived responses that are not in the tables yet: counting, describing and building them.

A process that is killed between the archive and the tables leaves some. Whatever opens the data
folder for writing builds them before it plans; commands that only read say that they are there.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date

import msgspec

from assets.framework.decoding.decoder import decoders
from assets.registry import daily_datasets, datasets
from pipelines.backfill_plan import BackfillTask
from pipelines.health.notices import sql
from warehouse.connection import connect, retrying
from warehouse.coverage import refresh_coverage
from warehouse.errors import WarehouseError
from warehouse.index.watermarks import Pending, pending_responses
from warehouse.lake import Lake
from warehouse.tables.build import build_pending
from warehouse.tables.build_report import BuildReport

_LOG = logging.getLogger(__name__)
_DATASETS_NAMED = 3
_BUILT_DAYS = "days_built_without_a_run"
BuiltDays = dict[str, tuple[date, date]]  # first and last day by dataset


def pending(lake: Lake, names: Collection[str] | None = None) -> Pending:
    """Count the archived responses of datasets (None: of all) that are not in the tables yet."""
    return pending_responses(lake, [d.name for d in datasets() if names is None or d.name in names])


def build_all_pending(
    lake: Lake,
    *,
    report_progress: Callable[[str], object] = _LOG.info,
    wait_for: Collection[str] | None = None,
    record_days: bool = True,
) -> tuple[list[BuildReport], dict[str, Exception]]:
    """Build what is archived and not in the tables yet, and bring coverage up to date.

    Args:
        lake: The data folder.
        report_progress: Receives a message before the build, if there is anything to build.
        wait_for: Build these datasets only, and wait where another process is building one; None
            builds all datasets, and leaves those to the other process.
        record_days: Whether to store which days were built, so that a later run shows them. Runs
            in Dagster do not: they mostly build the days of a running backfill, which does.

    Returns:
        A report of each dataset that was built, and the errors of the others.
    """
    # First, because it repairs damage in the archive that would prevent the count.
    refresh_coverage(lake, [dataset.coverage_rule for dataset in daily_datasets()])
    chosen = [d for d in datasets() if wait_for is None or d.name in wait_for]
    if not (responses := pending(lake, [dataset.name for dataset in chosen])):
        return [], {}
    report_progress(f"Building {_describe_counts(responses)}.")
    reports, errors = build_pending(lake, decoders(chosen), wait=wait_for is not None)
    if record_days:
        _record_built_days(lake, reports)
    return reports, errors


def describe_pending(lake: Lake) -> str | None:
    """Return a message about responses that are not in the tables yet; None if there are none.

    Coverage is refreshed first, for a folder opened for reading in a scratch folder.
    """
    try:
        refresh_coverage(lake, [dataset.coverage_rule for dataset in daily_datasets()])
        responses = pending(lake)
    except WarehouseError as error:
        return str(error)  # Not fatal: the message is a note beside a command's output.
    return describe(responses) if responses else None


def describe(responses: Pending) -> str:
    """Return how many responses are not in the tables yet, and the command that builds them."""
    verb = "is" if _total(responses) == 1 else "are"
    return f"{_describe_counts(responses)} {verb} not in the tables yet; build with: givlake build"


def pop_built_days(lake: Lake, tasks: Sequence[BackfillTask]) -> BuiltDays:
    """Return the days of tasks that were built without a run, and remove them from the store."""
    stored = msgspec.convert(lake.state.get(_BUILT_DAYS, {}), BuiltDays)
    popped = {
        task.dataset.name: stored[task.dataset.name]
        for task in tasks
        if task.dataset.name in stored
        and task.start <= stored[task.dataset.name][1]
        and task.end >= stored[task.dataset.name][0]
    }

    def without_popped(stored: object) -> object:
        days = msgspec.convert(stored or {}, BuiltDays)
        return msgspec.to_builtins({name: days[name] for name in days.keys() - popped.keys()})

    if popped:
        lake.state.update(_BUILT_DAYS, without_popped)
    return popped


def include_built_days(tasks: Sequence[BackfillTask], built: BuiltDays) -> None:
    """Include days that were built without a run in the tasks, so that they show in Dagster."""
    for task in tasks:
        if (days := built.get(task.dataset.name)) is not None:
            first, last = max(task.start, days[0]), min(task.end, days[1])
            for day in (first, last) if first <= last else ():
                task.to_fetch[day] += 0


def _record_built_days(lake: Lake, reports: Iterable[BuildReport]) -> None:
    """Store the days of built responses."""
    named = {dataset.name for dataset in daily_datasets()}
    for report in reports:
        if report.dataset not in named:
            continue
        ids = report.accounting["response_id"].to_pylist()
        parameters = {"dataset": report.dataset, "response_ids": ids}
        with connect(lake) as connection:
            query = connection.sql(sql("built_days"), params=parameters)
            ((first, last),) = retrying(query.fetchall)
        if first is not None:
            lake.state.update(_BUILT_DAYS, _adding(report.dataset, first, last))


def _adding(dataset: str, first: date, last: date) -> Callable[[object], object]:
    def add(stored: object) -> object:
        days = msgspec.convert(stored or {}, BuiltDays)
        known = days.get(dataset, (first, last))
        return msgspec.to_builtins({**days, dataset: (min(first, known[0]), max(last, known[1]))})

    return add


def _describe_counts(responses: Pending) -> str:
    """Return the number of responses, with the datasets that have most of them."""
    counts = {dataset: devices.total() for dataset, devices in responses.items()}
    most = sorted(counts, key=lambda dataset: -counts[dataset])
    named = ", ".join(f"{dataset} {counts[dataset]:,}" for dataset in most[:_DATASETS_NAMED])
    more = len(counts) - _DATASETS_NAMED
    named += f" and {more} more" if more > 0 else ""
    total = _total(responses)
    return f"{total:,} archived response{'' if total == 1 else 's'} ({named})"


def _total(responses: Pending) -> int:
    return sum(devices.total() for devices in responses.values())
