"""Archived responses that are not in the tables yet: counting, describing and building them.

A process that is killed between the archive and the tables leaves some. Whatever opens the data
folder for writing builds them before it plans; commands that only read say that they are there.
"""

import logging
from collections.abc import Callable

from assets.registry import daily_datasets, datasets
from warehouse import (
    BuildReport,
    Lake,
    Pending,
    WarehouseError,
    build_pending,
    pending_responses,
    refresh_coverage,
)

_LOG = logging.getLogger(__name__)
_DATASETS_NAMED = 3


def pending(lake: Lake) -> Pending:
    """Count the archived responses of all datasets that are not in the tables yet."""
    return pending_responses(lake, [dataset.name for dataset in datasets()])


def build_all_pending(
    lake: Lake, *, say: Callable[[str], object] = _LOG.warning, wait: bool = False
) -> tuple[list[BuildReport], list[WarehouseError]]:
    """Build what is archived and not in the tables yet, of all datasets, and update coverage.

    Args:
        lake: the data folder.
        say: takes a sentence before the build, if there is something to build, and one for each
            dataset that cannot be built.
        wait: whether to wait for datasets that another process is building.

    Returns:
        A report for each dataset that was built, and the errors of those that could not be.
    """
    found = pending(lake)
    if not found:
        return [], []
    say(f"Building {counted(found)}.")
    reports, errors = build_pending(lake, datasets(), wait=wait)
    refresh_coverage(lake, [dataset.coverage_rule for dataset in daily_datasets()])
    for error in errors:
        say(str(error))
    return reports, errors


def pending_sentence(found: Pending) -> str | None:
    """Say what is not in the tables yet and what builds it; None if there is nothing."""
    if not found:
        return None
    verb = "is" if sum(devices.total() for devices in found.values()) == 1 else "are"
    return f"{counted(found)} {verb} not in the tables yet; build with: givlake build"


def counted(found: Pending) -> str:
    """Count responses, naming the datasets that have most of them."""
    total = sum(devices.total() for devices in found.values())
    most = sorted(found, key=lambda dataset: -found[dataset].total())
    named = ", ".join(f"{dataset} {found[dataset].total():,}" for dataset in most[:_DATASETS_NAMED])
    more = len(found) - _DATASETS_NAMED
    named += f" and {more} more" if more > 0 else ""
    return f"{total:,} archived response{'' if total == 1 else 's'} ({named})"
