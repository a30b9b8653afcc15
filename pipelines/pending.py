"""Archived responses that are not in the tables yet: counting, describing and building them.

A process that is killed between the archive and the tables leaves some. Whatever opens the data
folder for writing builds them before it plans; commands that only read say that they are there.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import date

import duckdb

from assets.registry import daily_datasets, datasets
from pipelines.notes import sql
from warehouse import (
    BuildReport,
    Lake,
    Pending,
    WarehouseError,
    answers_beyond_coverage,
    build_pending,
    connect,
    pending_responses,
    refresh_coverage,
    retrying,
)

_LOG = logging.getLogger(__name__)
_DATASETS_NAMED = 3


def pending(lake: Lake) -> Pending:
    """Count the archived responses of all datasets that are not in the tables yet."""
    return pending_responses(lake, [dataset.name for dataset in datasets()])


def build_all_pending(
    lake: Lake, *, say: Callable[[str], object] = _LOG.info, wait: bool = False
) -> tuple[list[BuildReport], list[WarehouseError]]:
    """Build what is archived and not in the tables yet, of all datasets, and update coverage.

    Args:
        lake: the data folder.
        say: takes a sentence before the build, if there is something to build.
        wait: whether to wait for datasets that another process is building.

    Returns:
        A report for each dataset that was built, and the errors of those that could not be.
    """
    reports: list[BuildReport] = []
    errors: list[WarehouseError] = []
    if found := pending(lake):
        say(f"Building {_counted(found)}.")
        reports, errors = build_pending(lake, datasets(), wait=wait)
        for error in errors:
            _LOG.warning("%s", error)
    refresh_coverage(lake, [dataset.coverage_rule for dataset in daily_datasets()])
    return reports, errors


def built_days(lake: Lake, report: BuildReport) -> tuple[date, date] | None:
    """Give the first and last day that built responses are about; None if they are about none."""
    parameters = {
        "dataset": report.dataset,
        "response_ids": report.accounting["response_id"].to_pylist(),
    }
    with connect(lake) as connection:
        (row,) = retrying(lambda: connection.sql(sql("built_days"), params=parameters).fetchall())
    return None if row[0] is None else (row[0], row[1])


def what_is_behind(lake: Lake) -> str | None:
    """Say what the tables, or else coverage, lack of the archive; None if nothing."""
    if found := pending(lake):
        return describe(found)
    if count := answers_beyond_coverage(lake):
        answers = "newest answer" if count == 1 else f"newest {count:,} answers"
        return f"coverage does not know of the {answers} yet; update with: givlake build"
    return None


def what_is_behind_unwritable(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Say the same of a folder that cannot be written, by the views of its catalogue."""
    try:
        rows = connection.execute(sql("pending_by_device")).fetchall()
    except duckdb.CatalogException:
        return None  # made by an older givlake
    found: Pending = {}
    for dataset, device_id, count in rows:
        found.setdefault(dataset, Counter())[device_id] = count
    return describe(found) if found else None


def describe(found: Pending) -> str:
    """Say how many responses are not in the tables yet, and what builds them."""
    verb = "is" if _total(found) == 1 else "are"
    return f"{_counted(found)} {verb} not in the tables yet; build with: givlake build"


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
