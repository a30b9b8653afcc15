"""`givlake plan`, `backfill` and `sync`: what to fetch, and fetching it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial

import click

from assets.ev_chargers import look_back_to
from assets.framework.contract.dataset import Dataset, DeviceList, SnapshotDataset
from assets.framework.contract.devices import Devices, local_day, of_kinds
from assets.framework.ingestion.due import due_datasets, due_devices
from assets.framework.ingestion.range_limits import longest_range
from assets.framework.ingestion.session import Session
from pipelines.backfill_plan import BackfillTask, requested_tasks
from pipelines.cli.alert_command import alerting
from pipelines.cli.common import (
    DAY,
    WRONG_USAGE,
    KnownError,
    check_range,
    console,
    duration,
    plural,
    printable,
    table,
)
from pipelines.cli.run_fetch import Fetching
from pipelines.discovery import (
    Discovery,
    discover,
    history_start,
    known_state_of,
)
from pipelines.maintenance import pack_if_due
from pipelines.pending_builds import build_all_pending, what_is_behind
from pipelines.requested_ranges import keep_current, remember, remember_sync
from pipelines.selection import (
    UnknownDatasetError,
    daily,
    lists_for,
    named,
    selected,
    selected_snapshots,
)
from pipelines.session_factory import open_session, stored_zone
from pipelines.settings import Settings, load_settings
from warehouse import Lake

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
_START = click.option("--start", type=DAY, help="First day; default: the earliest commissioning.")
_END = click.option("--end", type=DAY, help="Last day; default: today.")


@click.command()
@_START
@_END
@_DATASET
@_DEVICE
def plan(
    start: date | None, end: date | None, names: tuple[str, ...], device_ids: tuple[str, ...]
) -> None:
    """Say what a backfill would ask for, and how long that takes.

    Asks the API for the lists of devices and nothing else.
    """
    settings = load_settings()
    chosen = choose_datasets(settings, names)
    today = local_day(datetime.now(UTC), stored_zone(settings))
    check_range(start, end or today, today)
    with open_session(settings) as session:
        found = _discover(session, chosen)
        devices = found.choose(device_ids)
        first, last = _range(session.zone, devices, start, end, today)
        rows: list[tuple[str, ...]] = []
        total = 0
        for task in _tasks(chosen, devices, not device_ids, first, last):
            task.plan_missing(
                session.lake,
                session.zone,
                days_per_request=longest_range(session, task.dataset),
            )
            to_fetch, in_range = task.to_fetch.total(), task.device_days(session.zone)
            total += task.requests
            rows.append(
                (
                    task.dataset.name,
                    f"{in_range:,}",
                    f"{in_range - to_fetch:,}",
                    f"{to_fetch:,}",
                    f"{task.requests:,}",
                )
            )
        known_state = known_state_of(session, devices)
        for dataset in _to_refresh(
            session, chosen, devices, all_devices=not device_ids, refetch=False
        ):
            due = due_devices(dataset, known_state)
            requests = sum(request.device_id in due for request in dataset.requests(known_state))
            total += requests
            rows.append((dataset.name, "", "", "", f"{requests:,}"))
        snapshot = session.budget.snapshot()
        not_built = what_is_behind(session.lake)
    count = len({device.device_id for kind in devices.values() for device in kind})
    _OUT.print(f"{plural(count, 'device')}, {first} to {last}:")
    columns = ("dataset", "device-days", "there", "to fetch", "requests")
    _OUT.print(table(columns, rows, columns[1:]))
    seconds = snapshot.seconds_for(total)
    _OUT.print(
        f"At least {plural(total, 'request')},"
        f" {f'about {duration(seconds)}' if seconds else 'under a minute'} at {snapshot.limit}"
        " requests a minute."
    )
    if not_built is not None:
        _OUT.print(not_built)


@click.command()
@_START
@_END
@_DATASET
@_DEVICE
@click.option("--refetch", "--again", "refetch", is_flag=True, help="Fetch complete days again.")
@alerting
def backfill(
    start: date | None,
    end: date | None,
    names: tuple[str, ...],
    device_ids: tuple[str, ...],
    refetch: bool,
) -> None:
    """Fetch history that is missing: first what cannot be had later, then newest days first."""
    settings = load_settings()
    chosen = choose_datasets(settings, names)
    today = local_day(datetime.now(UTC), stored_zone(settings))
    check_range(start, end or today, today)

    def wanted(lake: Lake, zone: str, found: Discovery) -> list[BackfillTask]:
        devices = found.choose(device_ids)
        first, last = _range(zone, devices, start, end, today)
        tasks = _tasks(chosen, devices, not device_ids, first, last)
        for task in tasks:
            remember(lake, task.dataset.name, device_ids, first, last)
            if last == today and not device_ids:
                keep_current(lake, task.dataset.name, first, today)
            task.plan_missing(lake, zone, refetch=refetch)
        return tasks

    with open_session(settings, prepare=partial(build_all_pending, say=_OUT.print)) as session:
        if start and (names or device_ids):
            # Of everything since some day, what is known of chargers limits what they are asked.
            look_back_to(session.lake, start)
        found = _discover(session, chosen)
        tasks = wanted(session.lake, session.zone, found)
        refreshes = _to_refresh(
            session, chosen, found.choose(device_ids), all_devices=not device_ids, refetch=refetch
        )
    Fetching(settings, chosen, found, wanted).do(tasks, refreshes, device_ids, refetch=refetch)


@click.command()
@_DATASET
@alerting
def sync(names: tuple[str, ...]) -> None:
    """Bring everything that was ever asked for up to date: today, yesterday and what is open.

    Made for cron or systemd on a machine without Dagster's daemon.
    """
    settings = load_settings()
    chosen = choose_datasets(settings, names)

    def wanted(lake: Lake, zone: str, found: Discovery) -> list[BackfillTask]:
        today = local_day(datetime.now(UTC), zone)
        tasks = []
        for dataset in daily(chosen):
            remember_sync(lake, dataset.name, today)
            tasks += requested_tasks(lake, dataset, of_kinds(found.devices, dataset.device_kinds))
        for task in tasks:
            task.plan_missing(lake, zone, refresh=True)
        return tasks

    with open_session(settings, prepare=partial(build_all_pending, say=_OUT.print)) as session:
        found = _discover(session, chosen)
        tasks = wanted(session.lake, session.zone, found)
        refreshes = _to_refresh(session, chosen, found.devices, all_devices=True, refetch=False)
        pack_if_due(session.lake)
    Fetching(settings, chosen, found, wanted).do(tasks, refreshes, refresh=True)


def choose_datasets(settings: Settings, names: Sequence[str]) -> tuple[Dataset, ...]:
    """Find datasets by name; none named means all that run.

    Raises:
        KnownError: if there is no such dataset.
    """
    try:
        return named(names) if names else selected(settings)
    except UnknownDatasetError as error:
        raise KnownError(str(error), WRONG_USAGE) from error


def _discover(session: Session, chosen: Sequence[Dataset]) -> Discovery:
    """Ask for the lists of devices, and offer the history of devices that were not known before."""
    discovery = discover(session, lists_for(chosen))
    for device in discovery.new:
        _OUT.print(
            f"{device.device_id} is new in this account: fetch its history with"
            f" givlake backfill --device {device.device_id}"
        )
    for trouble in discovery.trouble:
        _OUT.print(printable(trouble))
    if not discovery.everything:
        _OUT.print("The account lists no device: there is nothing to fetch.")
    return discovery


def _range(
    zone: str, devices: Devices, start: date | None, end: date | None, today: date
) -> tuple[date, date]:
    everything = [device for kind in devices.values() for device in kind]
    last = min(end or today, today)
    return start or min(history_start(everything, zone), last), last


def _tasks(
    chosen: Sequence[Dataset], devices: Devices, all_devices: bool, first: date, last: date
) -> list[BackfillTask]:
    return [
        BackfillTask(dataset, of_kinds(devices, dataset.device_kinds), all_devices, first, last)
        for dataset in daily(chosen)
    ]


def _to_refresh(
    session: Session,
    chosen: Sequence[Dataset],
    devices: Devices,
    *,
    all_devices: bool,
    refetch: bool,
) -> list[SnapshotDataset]:
    """Choose what to ask for as it stands now; lists of devices have just been asked for."""
    known_state = known_state_of(session, devices, refetch=refetch)
    candidates = [
        dataset
        for dataset in selected_snapshots(chosen)
        if not isinstance(dataset, DeviceList) and (all_devices or dataset.device_kinds)
    ]
    return due_datasets(candidates, known_state)
