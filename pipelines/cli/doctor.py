"""`givlake doctor`: is everything as it should be, and if not, what is wrong, in words."""

import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from importlib.metadata import version
from typing import Literal

import click

from assets.framework.devices import Device, local_day
from assets.framework.session import Session
from assets.registry import daily_datasets
from givenergy import DeviceNotFoundError, ForbiddenError, GivEnergyError, Priority
from pipelines.cli.budget import budget_lines
from pipelines.cli.common import (
    ALL_THERE,
    SOMETHING_MISSING,
    WRONG_USAGE,
    console,
    duration,
    plural,
    printable,
)
from pipelines.discovery import Discovery, discover, history_start
from pipelines.session import open_lake, open_session
from pipelines.settings import Settings, SettingsError, load_settings
from warehouse import WarehouseError

_PACKAGES = ("givlake", "dagster", "duckdb", "pandas", "pandera", "pyarrow", "requests")
_LOW_DISK_BYTES = 2 * 2**30
_CLOCK_TOLERANCE_S = 90.0

Verdict = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    thing: str
    verdict: Verdict
    sentence: str
    exit_status: int = ALL_THERE


@click.command()
def doctor() -> None:
    """Check token, scopes, devices, request budget, folders, versions and clock.

    Costs a few requests: the device list and a day of one inverter, and once the account.
    """
    out = console()
    worst = ALL_THERE
    for finding in _examine():
        out.print(f"{finding.verdict:5} {finding.thing:12} {printable(finding.sentence)}")
        worst = max(worst, finding.exit_status)
    raise SystemExit(worst)


def _examine() -> Iterator[Finding]:
    names = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    yield Finding("versions", "ok", f"{names}, Python {platform.python_version()}")
    try:
        settings = load_settings()
    except SettingsError as error:
        yield Finding("settings", "wrong", str(error), WRONG_USAGE)
        return
    yield Finding("settings", "ok", f"API {settings.url}, time zone {settings.zone} if unknown")
    try:
        with open_lake(settings):
            yield _disk(settings)
    except (SettingsError, WarehouseError) as error:
        yield Finding("data folder", "wrong", str(error), WRONG_USAGE)
        return
    try:
        # Whoever asks wants to know now: a host that is down is not waited for.
        with open_session(replace(settings, retry_s=0)) as session:
            yield Finding("token", "ok", "The API accepts it.")
            yield from _account(session)
    except SettingsError as error:
        yield Finding("token", "wrong", str(error), WRONG_USAGE)
    except GivEnergyError as error:
        yield Finding("API", "wrong", str(error), SOMETHING_MISSING)


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.data).free
    sentence = f"{settings.data} can be written, {free / 2**30:,.0f} GiB free"
    if free < _LOW_DISK_BYTES:
        return Finding("data folder", "note", f"{sentence}: that may not last a backfill.")
    return Finding("data folder", "ok", sentence)


def _account(session: Session) -> Iterator[Finding]:
    try:
        found = discover(session)
    except ForbiddenError as error:
        yield Finding("devices", "wrong", str(error), SOMETHING_MISSING)
        return
    yield _devices(session, found)
    for device in found.new:
        yield Finding(
            "devices",
            "note",
            f"{device.device_id} is new: givlake backfill --device {device.device_id}",
        )
    if found.devices:
        yield from _data(session, found.devices)
    yield _clock(session)
    for line in budget_lines(session.budget.snapshot()):
        yield Finding("budget", "ok", line)


def _clock(session: Session) -> Finding:
    ahead_s = session.client.clock_ahead_s
    if ahead_s is None:
        return Finding("clock", "note", "The API does not say what time it has.")
    if abs(ahead_s) <= _CLOCK_TOLERANCE_S:
        return Finding("clock", "ok", "This machine's clock agrees with the API's.")
    side = "ahead of" if ahead_s > 0 else "behind"
    sentence = f"This machine's clock is {duration(abs(ahead_s))} {side} the API's: set it by NTP."
    return Finding("clock", "wrong", sentence, SOMETHING_MISSING)


def _devices(session: Session, found: Discovery) -> Finding:
    if not found.devices:
        return Finding("devices", "note", "The account lists no inverter.")
    start = history_start(found.devices, session.zone)
    return Finding(
        "devices",
        "ok",
        f"{plural(len(found.devices), 'inverter')}, history from {start}, days in {session.zone}",
    )


def _data(session: Session, devices: tuple[Device, ...]) -> Iterator[Finding]:
    """Ask for one day of the device that was last in contact, to see whether the scope is there."""
    newest = max(devices, key=lambda d: d.last_contact_at or datetime.min.replace(tzinfo=UTC))
    day: date = local_day(newest.last_contact_at or datetime.now(UTC), session.zone)
    for dataset in daily_datasets():
        try:
            session.client.fetch(
                dataset.endpoint,
                path=dataset.path(newest.device_id, day),
                priority=Priority.TODAY,
                context={"dataset": "doctor"},
            )
        except DeviceNotFoundError as error:
            yield Finding(dataset.name, "note", str(error))
        except GivEnergyError as error:
            yield Finding(dataset.name, "wrong", str(error), SOMETHING_MISSING)
        else:
            yield Finding(
                dataset.name, "ok", f"The token may read it (scope {dataset.endpoint.scope})."
            )
