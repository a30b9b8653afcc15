"""`givlake sync` and `backfill` with `--source`: days that only a second source may have."""

from collections.abc import Callable, Sequence
from datetime import date

from assets.framework.contract.dataset import Dataset
from assets.framework.ingestion.session import Session
from pipelines.backfill_plan import BackfillTask
from pipelines.cli.backfill_scope import Scope
from pipelines.cli.common import (
    EXIT_COMPLETE,
    EXIT_INCOMPLETE,
    console,
    plural,
    printable,
    tell,
)
from pipelines.cli.progress import ProgressReporter
from pipelines.cli.run_summary import has_failed, print_summary
from pipelines.device_names import device_names
from pipelines.known_devices import Discovery
from pipelines.pending_builds import build_all_pending
from pipelines.settings import Settings
from pipelines.source_fill import devices_of, fill, requested_of
from pipelines.source_session import open_source_session

_OUT = console()


def sync_from(settings: Settings, name: str, chosen: Sequence[Dataset]) -> int:
    """Fetch the requested days that the API has not given; return the exit status.

    Raises:
        SettingsError: There is no such source.
        GivEnergyError: No device is known, and the source does not list any.
    """

    def tasks(session: Session, discovery: Discovery) -> list[BackfillTask]:
        return requested_of(session, chosen, discovery)

    return _fetch(settings, name, chosen, tasks)


def backfill_from(settings: Settings, name: str, scope: Scope, *, refetch: bool) -> int:
    """Fetch the days of a scope that the API has not given; return the exit status.

    Raises:
        SettingsError: There is no such source.
        GivEnergyError: No device is known, and the source does not list any.
        UnknownDeviceError: One of the devices is not known.
    """

    def tasks(session: Session, discovery: Discovery) -> list[BackfillTask]:
        devices = discovery.choose(scope.device_ids)
        scope.remember(session.lake, devices, session.zone)
        return scope.tasks(devices, session.zone)

    return _fetch(settings, name, scope.chosen, tasks, refetch=refetch)


def _fetch(
    settings: Settings,
    name: str,
    chosen: Sequence[Dataset],
    tasks: Callable[[Session, Discovery], list[BackfillTask]],
    *,
    refetch: bool = False,
) -> int:
    with open_source_session(settings, name, tell=tell) as session:
        build_all_pending(session.lake, report_progress=_OUT.print)
        discovery = devices_of(session, chosen)
        for failure in discovery.failures:
            _OUT.print(printable(failure))
        planned = tasks(session, discovery)
        with ProgressReporter() as reporter:
            reporter.reports += fill(session, planned, refetch=refetch, progress=reporter.progress)
        names, is_cancelled = device_names(session.lake), session.cancelled.is_set()
    filled: dict[str, set[date]] = {}
    for report in reporter.reports:
        with_rows = {day for day, counts in report.days.items() if counts.rows}
        filled.setdefault(report.dataset, set()).update(with_rows)
    for dataset, days in filled.items():
        if days:
            count = plural(len(days), "day")
            _OUT.print(f"{dataset}: {count} from {name}, {min(days)} to {max(days)}.")
    if not any(filled.values()):
        _OUT.print(f"Nothing new from {name}.")
    print_summary(reporter, names)
    return EXIT_INCOMPLETE if is_cancelled or has_failed(reporter.reports) else EXIT_COMPLETE
