"""Fetch from a second source what the API has not given."""

from collections.abc import Sequence

from assets.framework.contract.dataset import Dataset
from assets.framework.contract.devices import local_day, of_kinds
from assets.framework.ingestion.fill_plan import FillPlan
from assets.framework.ingestion.ingest import Progress, ingest
from assets.framework.ingestion.report import IngestionReport
from assets.framework.ingestion.session import Session
from givenergy.server_clock import utc_now
from pipelines.backfill_plan import BackfillTask, requested_tasks
from pipelines.discovery import discover
from pipelines.known_devices import Discovery, last_discovery
from pipelines.requested_ranges import remember_sync
from pipelines.selection import daily, lists_for


def devices_of(session: Session, chosen: Sequence[Dataset]) -> Discovery:
    """Return the known devices; those that the source lists if none is known.

    Lists are about the present: those of two sources would replace each other's values.

    Raises:
        GivEnergyError: No device is known, and the source does not list any.
    """
    known = last_discovery(session.lake)
    if known is not None and known.all_devices:
        return known
    return discover(session, lists_for(chosen))


def requested_of(
    session: Session, chosen: Sequence[Dataset], discovery: Discovery
) -> list[BackfillTask]:
    """Return what has been requested so far, up to today, which is requested from now on."""
    today, tasks = local_day(utc_now(), session.zone), []
    for dataset in daily(chosen):
        remember_sync(session.lake, dataset.name, today)
        devices = of_kinds(discovery.devices, dataset.device_kinds)
        tasks += requested_tasks(session.lake, dataset, devices)
    return tasks


def fill(
    session: Session,
    tasks: Sequence[BackfillTask],
    *,
    refetch: bool = False,
    progress: Progress | None = None,
) -> list[IngestionReport]:
    """Fetch the days of tasks that the API has not given, the newest first.

    Args:
        session: The session with the source.
        tasks: The days.
        refetch: Whether to fetch all of them.
        progress: See `ingest`.
    """
    reports = []
    for task in sorted(tasks, key=lambda task: task.end, reverse=True):
        if not task.devices or session.cancelled.is_set():
            continue
        plan = FillPlan(session, task.dataset, task.devices, task.start, task.end, refetch=refetch)
        reports.append(ingest(session, task.dataset, plan, progress=progress))
    return reports
