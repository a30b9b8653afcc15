"""`givlake doctor`: is everything as it should be, and if not, what is wrong, in words."""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import click

from assets.framework.contract.dataset import DailyDataset, Dataset
from assets.framework.contract.devices import DeviceKind, Devices, local_day, of_kinds
from assets.framework.ingestion.availability import unavailable
from assets.framework.ingestion.session import Session
from givenergy import ForbiddenError, GivEnergyError, NotFoundError, Priority
from givenergy.endpoints import INVERTER_SETTINGS
from pipelines.cli.budget_lines import budget_lines
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
from pipelines.pending_builds import what_is_behind
from pipelines.selection import daily, lists_for, selected
from pipelines.session_factory import open_for_reading, open_session
from pipelines.settings import Settings, SettingsError, load_settings
from warehouse import WarehouseError
from warehouse.lake import refuse_network

_PACKAGES = ("givlake", "dagster", "duckdb", "pandas", "pandera", "pyarrow", "requests")
_LOW_DISK_BYTES = 2 * 2**30
_CLOCK_TOLERANCE_S = 90.0

_KINDS = {
    DeviceKind.INVERTER: "inverter",
    DeviceKind.EMS: "EMS",
    DeviceKind.EV_CHARGER: "EV charger",
    DeviceKind.SMART_DEVICE: "smart device",
}
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

    Costs a few requests: lists of devices, a day of each dataset and the settings of one inverter.
    Changes nothing in the data folder.
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
        with open_for_reading(settings) as lake:
            yield _disk(settings)
            for problem in lake.problems:
                yield Finding("tables", "note", f"{problem}; repair with: givlake build")
            if (not_built := what_is_behind(lake)) is not None:
                yield Finding("tables", "note", not_built)
    except (SettingsError, WarehouseError) as error:
        yield Finding("data folder", "wrong", str(error), WRONG_USAGE)
        return
    try:
        # Whoever asks wants to know now: a host that is down is not waited for.
        impatient = settings.model_copy(update={"retry_s": 0})
        with (
            tempfile.TemporaryDirectory(prefix="givlake-") as scratch,
            open_session(impatient, scratch=Path(scratch)) as session,
        ):
            yield Finding("token", "ok", "The API accepts it.")
            yield from _account(session, selected(settings))
    except SettingsError as error:
        yield Finding("token", "wrong", str(error), WRONG_USAGE)
    except GivEnergyError as error:
        yield Finding("API", "wrong", str(error), SOMETHING_MISSING)


def _disk(settings: Settings) -> Finding:
    refuse_network(settings.data.absolute())
    existing = settings.data.absolute()
    while not existing.exists():
        existing = existing.parent
    if not os.access(existing, os.W_OK):
        sentence = f"{existing} cannot be written: name a folder that you can write to."
        return Finding("data folder", "wrong", sentence, WRONG_USAGE)
    free = shutil.disk_usage(existing).free
    sentence = f"{settings.data} can be written, {free / 2**30:,.0f} GiB free"
    if free < _LOW_DISK_BYTES:
        return Finding("data folder", "note", f"{sentence}: that may not last a backfill.")
    return Finding("data folder", "ok", sentence)


def _account(session: Session, chosen: Sequence[Dataset]) -> Iterator[Finding]:
    try:
        found = discover(session, lists_for(chosen))
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
    for trouble in found.trouble:
        yield Finding("devices", "wrong", trouble, SOMETHING_MISSING)
    yield from _data(session, daily(chosen), found.devices)
    yield from _lacking(session)
    yield from _control(session, found.devices)
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
    if not found.everything:
        return Finding("devices", "note", "The account lists no device.")
    start = history_start(found.everything, session.zone)
    counts = ", ".join(
        plural(len(devices), _KINDS[kind]) for kind, devices in found.devices.items() if devices
    )
    return Finding("devices", "ok", f"{counts}, history from {start}, days in {session.zone}")


def _data(
    session: Session, datasets: Sequence[DailyDataset], devices: Devices
) -> Iterator[Finding]:
    """Ask for one day of the device that was last in contact, to see whether the scope is there."""
    for dataset in datasets:
        of_dataset = of_kinds(devices, dataset.device_kinds)
        if not of_dataset:
            continue
        never = datetime.min.replace(tzinfo=UTC)
        newest = max(of_dataset, key=lambda device: device.last_contact_at or never)
        day: date = local_day(newest.last_contact_at or datetime.now(UTC), session.zone)
        request = dataset.request(newest.device_id, day, day, session.zone)
        try:
            session.client.fetch(
                dataset.endpoint,
                path=request.path,
                query=request.query,
                body=request.body,
                priority=Priority.TODAY,
                context={"dataset": "doctor"},
            )
        except NotFoundError as error:
            yield Finding(dataset.name, "note", str(error))
        except GivEnergyError as error:
            yield Finding(dataset.name, "wrong", str(error), SOMETHING_MISSING)
        else:
            yield Finding(
                dataset.name, "ok", f"The token may read it (scope {dataset.endpoint.scope})."
            )


def _lacking(session: Session) -> Iterator[Finding]:
    """Say what earlier runs found that the account lacks."""
    for name, reasons in unavailable(session.lake).items():
        for device_id, why in reasons.items():
            about = f" for {device_id}" if device_id else ""
            yield Finding(name, "note", f"Not available{about}: {why}")


def _control(session: Session, devices: Devices) -> Iterator[Finding]:
    """Find out whether the token could change settings, by asking for the list of them."""
    inverters = devices.get(DeviceKind.INVERTER, ())
    if not inverters:
        return
    try:
        session.client.fetch(
            INVERTER_SETTINGS,
            path={"inverter": inverters[0].device_id},
            priority=Priority.TODAY,
            context={"dataset": "doctor"},
        )
    except ForbiddenError:
        yield Finding("control", "ok", "The token cannot change settings of inverters.")
    except GivEnergyError as error:
        yield Finding("control", "note", str(error))
    else:
        yield Finding(
            "control",
            "note",
            f"The token has the scope {INVERTER_SETTINGS.scope}: whoever gets hold of it can"
            " change settings of inverters. givlake needs it for the lists of settings and presets"
            " alone and never changes anything; a token without it is safer.",
        )
