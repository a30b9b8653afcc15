"""`givlake plan`, `backfill` and `sync`: what to fetch, and fetching it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import click
import pyarrow.compute as pc

from assets.framework.dataset import Dataset
from assets.framework.devices import Device, expected_days, local_day
from assets.framework.plan import plan as make_plan
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
from pipelines.session import open_lake, open_session
from pipelines.settings import Settings, load_settings
from pipelines.status import overview
from pipelines.upkeep import pack_if_due
from pipelines.wishes import ranges_for, remember, remember_sync
from warehouse import State

_OUT = console()


@dataclass(frozen=True, slots=True)
class _Asked:
    """Days of devices that a person, or the daily routine, wants to have."""

    dataset: Dataset
    devices: tuple[Device, ...]
    start: date
    end: date


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
    with open_session(settings) as session:
        discovery = _discover(session)
        devices = discovery.choose(device_ids)
        first, last = _range(session, devices, start, end)
        rows = []
        total = 0
        for dataset in datasets:
            asked = _Asked(dataset, devices, first, last)
            to_fetch = sum(_days_to_fetch(session, asked, again=False, refresh=False).values())
            total += to_fetch
            in_range = _device_days(asked, session.zone)
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
    with open_session(settings) as session:
        discovery = _discover(session)
        devices = discovery.choose(device_ids)
        first, last = _range(session, devices, start, end)
        asked = [_Asked(dataset, devices, first, last) for dataset in datasets]
        for dataset in datasets:
            remember(session.lake, dataset.name, device_ids, first, last)
        days = _days_by_dataset(session, asked, again=again, refresh=False)
    _fetch_and_exit(settings, asked, days, device_ids, again=again, refresh=False)


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
        asked = [
            _Asked(dataset, group, start, end)
            for dataset in datasets
            for ranges, group in _by_wishes(session, dataset, devices).items()
            for start, end in ranges
        ]
        days = _days_by_dataset(session, asked, again=False, refresh=True)
        pack_if_due(session.lake)
    _fetch_and_exit(settings, asked, days, (), again=False, refresh=True)


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


def _range(
    session: Session, devices: Sequence[Device], start: date | None, end: date | None
) -> tuple[date, date]:
    today = local_day(datetime.now(UTC), session.zone)
    last = min(end or today, today)
    check_range(start, end or today, today)
    return start or min(history_start(devices, session.zone), last), last


def _by_wishes(
    session: Session, dataset: Dataset, devices: Sequence[Device]
) -> dict[tuple[tuple[date, date], ...], tuple[Device, ...]]:
    """Group devices by the ranges that are wanted of them."""
    groups: dict[tuple[tuple[date, date], ...], tuple[Device, ...]] = {}
    for device in devices:
        ranges = tuple(ranges_for(session.lake, dataset.name, device.device_id))
        groups[ranges] = (*groups.get(ranges, ()), device)
    return groups


def _device_days(asked: _Asked, zone: str) -> int:
    """Count the device-days that can hold data."""
    expected = expected_days(asked.dataset.name, asked.devices, asked.start, asked.end, zone)
    return sum(
        (last - first).days + 1
        for first, last in zip(
            expected["first_date"].to_pylist(), expected["last_date"].to_pylist(), strict=True
        )
    )


def _days_to_fetch(session: Session, asked: _Asked, *, again: bool, refresh: bool) -> Counter[date]:
    """Count what to fetch of what was asked for, by requested date."""
    days: Counter[date] = Counter()
    for states in make_plan(
        session.lake,
        asked.dataset,
        asked.devices,
        asked.start,
        asked.end,
        session.zone,
        now=datetime.now(UTC),
        again=again,
        refresh=refresh,
        refused=True,
    ):
        for counted in pc.value_counts(states["request_date"]).to_pylist():
            days[counted["values"]] += counted["counts"]
    return days


def _days_by_dataset(
    session: Session, asked: Sequence[_Asked], *, again: bool, refresh: bool
) -> dict[Dataset, Counter[date]]:
    """Count what to fetch, by dataset and requested date."""
    days: dict[Dataset, Counter[date]] = {}
    for part in asked:
        days.setdefault(part.dataset, Counter()).update(
            _days_to_fetch(session, part, again=again, refresh=refresh)
        )
    return days


def _fetch_and_exit(
    settings: Settings,
    asked: Sequence[_Asked],
    days: Mapping[Dataset, Mapping[date, int]],
    device_ids: Sequence[str],
    *,
    again: bool,
    refresh: bool,
) -> None:
    if any(days.values()):
        # Dagster takes a second to load, and there is no need of it when all is there.
        from pipelines.runs import fetch

        fetch(settings, days, device_ids, again=again, refresh=refresh)
    else:
        _OUT.print("Nothing to fetch: all that was asked for is there.")
    raise SystemExit(_judge(settings, asked))


def _judge(settings: Settings, asked: Sequence[_Asked]) -> int:
    """Say what is there of what was asked for, and give the exit status."""
    settled = True
    with open_lake(settings) as lake:
        for dataset in dict.fromkeys(part.dataset for part in asked):
            days: Counter[State] = Counter()
            for part in asked:
                if part.dataset is dataset:
                    found = overview(lake, dataset, part.devices, part.start, part.end)
                    days.update(found.days_by_state)
                    settled &= found.settled
            states = ", ".join(f"{number:,} {state}" for state, number in sorted(days.items()))
            _OUT.print(f"{dataset.name}: {states or 'no'} device-days")
    if not settled:
        _OUT.print("Something is missing: givlake status says what and why.")
    return ALL_THERE if settled else SOMETHING_MISSING
