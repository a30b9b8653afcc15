"""`givlake plan`, `backfill` and `sync`: what to fetch, and fetching it."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime

import click

from assets.framework.dataset import Dataset
from assets.framework.devices import local_day
from assets.framework.session import Session
from assets.registry import daily_datasets
from pipelines.cli.common import (
    ALL_THERE,
    DAY,
    SOMETHING_MISSING,
    WRONG_USAGE,
    KnownError,
    check_range,
    console,
    duration,
    plural,
    table,
)
from pipelines.discovery import Discovery, discover, history_start
from pipelines.errands import Errand, wished
from pipelines.session import open_lake, open_session, stored_zone
from pipelines.settings import Settings, load_settings
from pipelines.status import overview
from pipelines.upkeep import pack_if_due
from pipelines.wishes import remember, remember_sync
from warehouse import State

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

    Asks the API for the device list and nothing else.
    """
    settings = load_settings()
    datasets = choose_datasets(names)
    today = local_day(datetime.now(UTC), stored_zone(settings))
    check_range(start, end or today, today)
    with open_session(settings) as session:
        devices = _discover(session).choose(device_ids)
        last = min(end or today, today)
        first = start or min(history_start(devices, session.zone), last)
        rows = []
        total = 0
        for dataset in datasets:
            errand = Errand(dataset, devices, not device_ids, first, last)
            errand.look(session.lake, session.zone)
            to_fetch, in_range = errand.to_fetch.total(), errand.device_days(session.zone)
            total += to_fetch
            rows.append(
                (dataset.name, f"{in_range:,}", f"{in_range - to_fetch:,}", f"{to_fetch:,}")
            )
        snapshot = session.budget.snapshot()
    _OUT.print(f"{plural(len(devices), 'device')}, {first} to {last}:")
    _OUT.print(
        table(
            ("dataset", "device-days", "there", "to fetch"),
            rows,
            ("device-days", "there", "to fetch"),
        )
    )
    seconds = snapshot.seconds_for(total)
    _OUT.print(
        f"At least {plural(total, 'request')},"
        f" {f'about {duration(seconds)}' if seconds else 'under a minute'} at {snapshot.limit}"
        " requests a minute."
    )


@click.command()
@_START
@_END
@_DATASET
@_DEVICE
@click.option("--again", is_flag=True, help="Fetch what is there as well.")
def backfill(
    start: date | None,
    end: date | None,
    names: tuple[str, ...],
    device_ids: tuple[str, ...],
    again: bool,
) -> None:
    """Fetch history that is missing, newest days first."""
    settings = load_settings()
    datasets = choose_datasets(names)
    today = local_day(datetime.now(UTC), stored_zone(settings))
    check_range(start, end or today, today)
    with open_session(settings) as session:
        devices = _discover(session).choose(device_ids)
        last = min(end or today, today)
        first = start or min(history_start(devices, session.zone), last)
        errands = [Errand(dataset, devices, not device_ids, first, last) for dataset in datasets]
        for errand in errands:
            remember(session.lake, errand.dataset.name, device_ids, first, last)
            errand.look(session.lake, session.zone, again=again)
    _fetch_and_exit(settings, errands, again=again, refresh=False)


@click.command()
@_DATASET
def sync(names: tuple[str, ...]) -> None:
    """Bring everything that was ever asked for up to date: today, yesterday and what is open.

    Made for cron or systemd on a machine without Dagster's daemon.
    """
    settings = load_settings()
    datasets = choose_datasets(names)
    with open_session(settings) as session:
        devices = _discover(session).devices
        today = local_day(datetime.now(UTC), session.zone)
        for dataset in datasets:
            remember_sync(session.lake, dataset.name, today)
        errands = [
            errand for dataset in datasets for errand in wished(session.lake, dataset, devices)
        ]
        for errand in errands:
            errand.look(session.lake, session.zone, refresh=True)
        pack_if_due(session.lake)
    _fetch_and_exit(settings, errands, again=False, refresh=True)


def choose_datasets(names: Sequence[str]) -> tuple[Dataset, ...]:
    """Find datasets by name; none named means all that are asked for by day.

    Raises:
        KnownError: if there is no such dataset.
    """
    known = {dataset.name: dataset for dataset in daily_datasets()}
    for name in names:
        if name not in known:
            raise KnownError(
                f"There is no dataset {name!r}: choose from {', '.join(known)}.", WRONG_USAGE
            )
    return tuple(known[name] for name in names) or tuple(known.values())


def _discover(session: Session) -> Discovery:
    """Ask for the device list, and offer the history of devices that were not known before."""
    discovery = discover(session)
    for device in discovery.new:
        _OUT.print(
            f"{device.device_id} is new in this account: fetch its history with"
            f" givlake backfill --device {device.device_id}"
        )
    if not discovery.devices:
        _OUT.print("The account lists no inverter: there is nothing to fetch.")
    return discovery


def _fetch_and_exit(
    settings: Settings, errands: Sequence[Errand], *, again: bool, refresh: bool
) -> None:
    if any(errand.to_fetch for errand in errands):
        # Dagster takes a second to load, and there is no need of it when all is there.
        from pipelines.runs import fetch

        fetch(settings, errands, again=again, refresh=refresh)
    else:
        _OUT.print("Nothing to fetch: all that was asked for is there.")
    raise SystemExit(_judge(settings, errands))


def _judge(settings: Settings, errands: Sequence[Errand]) -> int:
    """Say what is there of what was asked for, and give the exit status."""
    days: dict[str, Counter[State]] = {}
    settled = True
    with open_lake(settings) as lake:
        for errand in errands:
            found = overview(lake, errand.dataset, errand.devices, errand.start, errand.end)
            days.setdefault(errand.dataset.name, Counter()).update(found.days_by_state)
            settled &= found.settled
    for name, by_state in days.items():
        states = ", ".join(f"{number:,} {state}" for state, number in sorted(by_state.items()))
        _OUT.print(f"{name}: {states or 'no'} device-days")
    if not settled:
        _OUT.print("Something is missing: givlake status says what and why.")
    return ALL_THERE if settled else SOMETHING_MISSING
