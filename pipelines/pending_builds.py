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
from warehouse import (
    BuildReport,
    Lake,
    Pending,
    WarehouseError,
    build_pending,
    connect,
    pending_responses,
    refresh_coverage,
    retrying,
)

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
    say: Callable[[str], object] = _LOG.info,
    wait_for: Collection[str] | None = None,
    note_days: bool = True,
) -> tuple[list[BuildReport], dict[str, Exception]]:
    """Build what is archived and not in the tables yet, and bring coverage up to date.

    Args:
        lake: the data folder.
        say: takes a sentence before the build, if there is something to build.
        wait_for: build these datasets only, and wait where another process is building one; None
            builds all datasets, and leaves those to the other process.
        note_days: whether to note which days were built, so that a later run shows them. A run in
            Dagster does not: what it builds is mostly of a backfill that goes on, which does.

    Returns:
        A report for each dataset that was built, and the errors of those that could not be.
    """
    # First, as it mends damage in the archive that would stop the count.
    refresh_coverage(lake, [dataset.coverage_rule for dataset in daily_datasets()])
    chosen = [d for d in datasets() if wait_for is None or d.name in wait_for]
    if not (found := pending(lake, [dataset.name for dataset in chosen])):
        return [], {}
    say(f"Building {_counted(found)}.")
    reports, errors = build_pending(lake, decoders(chosen), wait=wait_for is not None)
    if note_days:
        _note_built_days(lake, reports)
    return reports, errors


def what_is_behind(lake: Lake) -> str | None:
    """Say what the tables lack of the archive; None if nothing.

    Coverage is brought up to date first, beside a folder that was opened for reading.
    """
    try:
        refresh_coverage(lake, [dataset.coverage_rule for dataset in daily_datasets()])
        found = pending(lake)
    except WarehouseError as error:
        return str(error)  # what asks for this note can do its work all the same
    return describe(found) if found else None


def describe(found: Pending) -> str:
    """Say how many responses are not in the tables yet, and what builds them."""
    verb = "is" if _total(found) == 1 else "are"
    return f"{_counted(found)} {verb} not in the tables yet; build with: givlake build"


def take_built_days(lake: Lake, tasks: Sequence[BackfillTask]) -> BuiltDays:
    """Give, and forget, the days of errands that were built without a run."""
    stored = msgspec.convert(lake.state.get(_BUILT_DAYS, {}), BuiltDays)
    taken = {
        task.dataset.name: stored[task.dataset.name]
        for task in tasks
        if task.dataset.name in stored
        and task.start <= stored[task.dataset.name][1]
        and task.end >= stored[task.dataset.name][0]
    }

    def without_taken(stored: object) -> object:
        days = msgspec.convert(stored or {}, BuiltDays)
        return msgspec.to_builtins({name: days[name] for name in days.keys() - taken.keys()})

    if taken:
        lake.state.update(_BUILT_DAYS, without_taken)
    return taken


def name_built_days(tasks: Sequence[BackfillTask], built: BuiltDays) -> None:
    """Let errands be about days that were built without a run, so that they show in Dagster."""
    for task in tasks:
        if (days := built.get(task.dataset.name)) is not None:
            first, last = max(task.start, days[0]), min(task.end, days[1])
            for day in (first, last) if first <= last else ():
                task.to_fetch[day] += 0


def _note_built_days(lake: Lake, reports: Iterable[BuildReport]) -> None:
    """Note the days that built responses are about."""
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


def _counted(found: Pending) -> str:
    """Count responses, naming the datasets that have most of them."""
    most = sorted(found, key=lambda dataset: -found[dataset].total())
    named = ", ".join(f"{dataset} {found[dataset].total():,}" for dataset in most[:_DATASETS_NAMED])
    more = len(found) - _DATASETS_NAMED
    named += f" and {more} more" if more > 0 else ""
    total = _total(found)
    return f"{total:,} archived response{'' if total == 1 else 's'} ({named})"


def _total(found: Pending) -> int:
    return sum(devices.total() for devices in found.values())
