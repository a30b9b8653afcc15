"""`givlake backfill` and `sync`: planning and fetching."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import click

from assets.ev_chargers import set_first_day
from assets.framework.contract.dataset import Dataset, DeviceList, SnapshotDataset
from assets.framework.contract.devices import Devices, local_day, of_kinds
from assets.framework.ingestion.planner import due_datasets
from assets.framework.ingestion.session import Session
from givenergy.server_clock import utc_now
from pipelines.account_zone import zone_notice
from pipelines.backfill_plan import BackfillTask, plan_missing, requested_tasks
from pipelines.cli.alert_command import alerting
from pipelines.cli.backfill_scope import Scope
from pipelines.cli.common import (
    EXIT_USAGE,
    KnownError,
    check_order,
    console,
    printable,
    tell,
)
from pipelines.cli.context import pass_settings
from pipelines.cli.days import FIRST_DAY, LAST_DAY
from pipelines.cli.history_lookup import look_up_history
from pipelines.cli.run_fetch import FetchCommand
from pipelines.cli.source_fetch import backfill_from, sync_from
from pipelines.device_lookup import ids_of
from pipelines.discovery import discover, known_state_of
from pipelines.known_devices import Discovery, expect
from pipelines.maintenance import compact_if_due
from pipelines.pending_builds import build_all_pending
from pipelines.requested_ranges import remember_sync
from pipelines.selection import (
    UnknownDatasetError,
    chosen_by_name,
    daily,
    lists_for,
    selected,
    selected_snapshots,
)
from pipelines.session_factory import open_session
from pipelines.settings import Settings
from warehouse.lake import Lake

_OUT = console()


_DATASET = click.option(
    "--dataset", "names", multiple=True, metavar="NAME", help="Only this dataset; may be repeated."
)
_DEVICE = click.option(
    "--device",
    "device_ids",
    multiple=True,
    metavar="SERIAL",
    help="Only this device; may be repeated.",
)
_START = click.option(
    "--start",
    type=FIRST_DAY,
    help="First day, such as 2025-06-01, 2025-06, yesterday or -30d; default: the beginning of"
    " history.",
)
_END = click.option("--end", type=LAST_DAY, help="Last day; default: today.")


_SOURCE = click.option(
    "--source",
    metavar="NAME",
    help="Fetch from this second source, only what the API has not given.",
)


def scope_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what `plan` and `backfill` are about."""
    return _START(_END(_DATASET(_DEVICE(command))))


@click.command()
@scope_options
@click.option("--refetch", "--again", "refetch", is_flag=True, help="Fetch complete days again.")
@_SOURCE
@pass_settings
@alerting
def backfill(
    settings: Settings,
    start: date | None,
    end: date | None,
    names: tuple[str, ...],
    device_ids: tuple[str, ...],
    refetch: bool,
    source: str | None,
) -> None:
    """Fetch missing history. Perishable data come first, then the newest days.

    Days that are named are requested whatever the device lists say; without --start the beginning
    of history is looked up. Interrupt it at any time; the same command resumes.
    """
    scope = Scope(choose_datasets(settings, names), device_ids, start, end)
    check_order(start, end)
    if source is not None:
        raise SystemExit(backfill_from(settings, source, scope, refetch=refetch))

    def make_tasks(lake: Lake, zone: str, discovery: Discovery) -> list[BackfillTask]:
        devices = discovery.choose(device_ids)
        scope.remember(lake, devices, zone)
        return scope.tasks(devices, zone)

    with open_session(
        settings, prepare=partial(build_all_pending, report_progress=_OUT.print), tell=tell
    ) as session:
        # What the owner names is requested, whatever was refused before.
        retry_refused = refetch or bool(names or device_ids)
        if start and (names or device_ids):
            # Otherwise the known start of a charger's data limits how far back it is requested.
            set_first_day(session.lake, start)
        if not device_ids:
            scope.name_days(session.lake, session.zone)
        discovery = discover_devices(settings, session, scope.chosen, retry_refused=retry_refused)
        device_ids = ids_of(discovery.all_devices, device_ids)
        scope = replace(scope, device_ids=device_ids)
        snapshots = _due_snapshots(
            session,
            scope,
            discovery.choose(device_ids),
            refetch=refetch,
            retry_refused=retry_refused,
        )
        if start is None:
            discovery = look_up_history(session, scope, discovery)
        if device_ids:
            # Only now it is certain that they are devices of the account.
            scope.name_days(session.lake, session.zone)
        tasks = make_tasks(session.lake, session.zone, discovery)
        if device_ids or (start is None and end is not None):
            expect(session.lake, session.zone)
        plan_missing(session.lake, tasks, session.zone, refetch=refetch)
    FetchCommand(
        settings, scope.chosen, discovery, make_tasks, refetch=refetch, retry_refused=retry_refused
    ).run(tasks, snapshots, device_ids)


@click.command()
@_DATASET
@_SOURCE
@pass_settings
@alerting
def sync(settings: Settings, names: tuple[str, ...], source: str | None) -> None:
    """Bring everything requested so far up to date.

    Fetches today, yesterday, days that are not final and days that are missing. For cron or systemd
    on a machine without Dagster's daemon.
    """
    scope = Scope(choose_datasets(settings, names), (), None, None)
    if source is not None:
        raise SystemExit(sync_from(settings, source, scope.chosen))

    def make_tasks(lake: Lake, zone: str, discovery: Discovery) -> list[BackfillTask]:
        del zone
        return [
            task
            for dataset in daily(scope.chosen)
            for task in requested_tasks(
                lake, dataset, of_kinds(discovery.devices, dataset.device_kinds)
            )
        ]

    with open_session(
        settings, prepare=partial(build_all_pending, report_progress=_OUT.print), tell=tell
    ) as session:
        today = local_day(utc_now(), session.zone)
        for dataset in daily(scope.chosen):
            remember_sync(session.lake, dataset.name, today)
        discovery = discover_devices(settings, session, scope.chosen)
        tasks = make_tasks(session.lake, session.zone, discovery)
        plan_missing(session.lake, tasks, session.zone, refresh=True)
        snapshots = _due_snapshots(session, scope, discovery.devices)
        compact_if_due(session.lake)
    FetchCommand(settings, scope.chosen, discovery, make_tasks, refresh=True).run(tasks, snapshots)


def choose_datasets(settings: Settings, names: Sequence[str]) -> tuple[Dataset, ...]:
    """Return datasets by name; no name means all that are selected.

    Raises:
        KnownError: There is no such dataset.
        SettingsError: A dataset is off.
    """
    try:
        return chosen_by_name(settings, names) if names else selected(settings)
    except UnknownDatasetError as error:
        raise KnownError(str(error), EXIT_USAGE) from error


def discover_devices(
    settings: Settings,
    session: Session,
    chosen: Sequence[Dataset],
    *,
    retry_refused: bool = False,
) -> Discovery:
    """Request the device lists; print new devices and the command that fetches their history."""
    if (notice := zone_notice(settings, session.lake.state.all())) is not None:
        _OUT.print(printable(notice))
    lists = lists_for(chosen)
    discovery = discover(session, lists, retry_refused=retry_refused)
    for line in discovery.news:
        _OUT.print(line)
    for failure in discovery.failures:
        _OUT.print(printable(failure))
    if not discovery.all_devices:
        # A list that was refused or failed shows nothing about devices.
        own = {each.name for each in lists if not each.lists_other_accounts}
        refused = discovery.failures or any(
            report.unavailable for name, report in discovery.reports.items() if name in own
        )
        said = "No devices are known" if refused else "The account has no devices"
        _OUT.print(f"{said}: nothing to fetch.")
    return discovery


def _due_snapshots(
    session: Session,
    scope: Scope,
    devices: Devices,
    *,
    refetch: bool = False,
    retry_refused: bool = False,
) -> list[SnapshotDataset]:
    """List the due snapshot datasets without the device lists, which have just been requested."""
    known_state = known_state_of(session, devices, refetch=refetch, retry_refused=retry_refused)
    candidates = [
        dataset
        for dataset in selected_snapshots(scope.chosen)
        if not isinstance(dataset, DeviceList) and (not scope.device_ids or dataset.device_kinds)
    ]
    return due_datasets(candidates, known_state)
