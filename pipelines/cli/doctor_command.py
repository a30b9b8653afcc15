"""`givlake doctor`: check settings, folders, token, devices, budget and clock."""

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
from assets.framework.contract.device_asking import DeviceAskingDataset
from assets.framework.contract.devices import DeviceKind, Devices, local_day, of_kinds
from assets.framework.ingestion.availability import Availability
from assets.framework.ingestion.session import Session
from givenergy.budget.request_budget import Priority
from givenergy.endpoints.control_endpoints import INVERTER_SETTINGS
from givenergy.errors import (
    AccessError,
    BudgetAwayError,
    BudgetStoreError,
    ForbiddenError,
    GivEnergyError,
    LocalFaultError,
    NotFoundError,
    RequestRefusedError,
    UnauthenticatedError,
)
from givenergy.server_clock import utc_now
from pipelines.account_budget import shared_budget_line
from pipelines.account_zone import zone_difference, zone_notice
from pipelines.cli.budget_lines import budget_lines
from pipelines.cli.common import (
    EXIT_COMPLETE,
    EXIT_INCOMPLETE,
    EXIT_USAGE,
    console,
    duration,
    plural,
    printable,
)
from pipelines.cli.context import current_settings
from pipelines.cli.doctor_refusals import probe, try_refused
from pipelines.database_errors import DagsterDatabaseError
from pipelines.discovery import discover
from pipelines.health.device_answers import describe_setting_reads
from pipelines.instance import try_database
from pipelines.instance_settings import override_with_password
from pipelines.known_devices import Discovery, history_start
from pipelines.named_accounts import dagster_home
from pipelines.open_folder import open_for_reading
from pipelines.pending_builds import describe_pending
from pipelines.selection import daily, lists_for, selected
from pipelines.session_factory import open_session
from pipelines.settings import Settings
from pipelines.settings_file import (
    SettingsError,
    access_note,
    env_file,
    is_store,
    readable_by_others,
    search_description,
)
from warehouse.errors import WarehouseError
from warehouse.lake import refuse_network
from warehouse.storage.ownership import permission_problem, unusable_below

_PACKAGES = ("givlake", "dagster", "duckdb", "pandas", "pandera", "pyarrow", "requests")
_AND_READ = ", and to read settings, as GIVLAKE_READ_SETTINGS says."
_LOW_DISK_BYTES = 2 * 2**30
_CLOCK_TOLERANCE_S = 90.0

_KINDS = {
    DeviceKind.INVERTER: "inverter",
    DeviceKind.EMS: "EMS",
    DeviceKind.EV_CHARGER: "EV charger",
    DeviceKind.SMART_DEVICE: "smart device",
}
Severity = Literal["ok", "note", "error"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check."""

    subject: str
    severity: Severity
    message: str
    exit_status: int = EXIT_COMPLETE


@click.command()
def doctor() -> None:
    """Check settings, token, devices, budget, folders and clock.

    Makes a few requests: device lists, a day of each dataset and the settings of one inverter.
    Changes nothing in the data folder, but forgets refusals of the API that no longer hold.
    """
    out = console()
    worst = EXIT_COMPLETE
    for result in _run_checks():
        out.print(f"{result.severity:5} {result.subject:20} {printable(result.message)}")
        worst = max(worst, result.exit_status)
    raise SystemExit(worst)


def _run_checks() -> Iterator[CheckResult]:
    names = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    yield CheckResult("versions", "ok", f"{names}, Python {platform.python_version()}")
    try:
        settings = current_settings()
        chosen = selected(settings)
    except SettingsError as error:
        yield CheckResult("settings", "error", str(error), EXIT_USAGE)
        return
    zone = f"time zone {settings.zone}{'' if settings.is_zone_set else ' if unknown'}"
    yield CheckResult("settings", "ok", f"API {settings.url}, {zone}; {search_description()}")
    for file in filter(None, (env_file(), override_with_password(dagster_home(settings.data)))):
        if (mode := readable_by_others(file)) is not None:
            message = f"{file} can be read by other users (mode {mode}): run chmod 600 '{file}'"
            yield CheckResult("settings", "note", message)
    try:
        with open_for_reading(settings) as lake:
            yield _disk(settings)
            for problem in lake.problems:
                yield CheckResult("tables", "note", f"{problem}; repair with: givlake build")
            if (not_built := describe_pending(lake)) is not None:
                yield CheckResult("tables", "note", not_built)
            for line, is_answering in describe_setting_reads(lake, settings, chosen):
                yield CheckResult("settings read", "ok" if is_answering else "note", line)
    except (SettingsError, WarehouseError) as error:
        yield CheckResult("data folder", "error", str(error), EXIT_USAGE)
        return
    yield from _dagster(settings)
    try:
        # Without retries, so that an outage is reported at once.
        no_retries = settings.model_copy(update={"retry_s": 0})
        with (
            tempfile.TemporaryDirectory(prefix="givlake-") as scratch,
            open_session(no_retries, scratch=Path(scratch)) as session,
        ):
            for find in (zone_notice, zone_difference):
                if (sentence := find(settings, session.lake.state.all())) is not None:
                    yield CheckResult("time zone", "note", sentence)
            yield from _account(session, settings, chosen)
    except SettingsError as error:
        yield CheckResult("token", "error", str(error), EXIT_USAGE)
    except BudgetStoreError as error:
        is_refused = settings.budget_url is not None and not isinstance(error, BudgetAwayError)
        yield CheckResult(
            "budget", "error", str(error), EXIT_USAGE if is_refused else EXIT_INCOMPLETE
        )
    except LocalFaultError as error:
        yield CheckResult("network", "error", str(error), EXIT_USAGE)
    except UnauthenticatedError as error:
        yield CheckResult("token", "error", str(error), EXIT_INCOMPLETE)
    except GivEnergyError as error:
        yield CheckResult("API", "error", str(error), EXIT_INCOMPLETE)


def _dagster(settings: Settings) -> Iterator[CheckResult]:
    """Check the database of Dagster's state, if there is one."""
    try:
        if (name := try_database(settings)) is not None:
            yield CheckResult("Dagster's state", "ok", f"in {name}")
    except SettingsError as error:
        yield CheckResult("Dagster's state", "error", str(error), EXIT_USAGE)
    except DagsterDatabaseError as error:
        yield CheckResult("Dagster's state", "error", str(error), EXIT_INCOMPLETE)


def _disk(settings: Settings) -> CheckResult:
    refuse_network(settings.data.absolute())
    existing = settings.data.absolute()
    while not existing.exists():
        existing = existing.parent
    blocked = unusable_below(existing) if existing == settings.data.absolute() else None
    if blocked is not None:
        return CheckResult("data folder", "error", f"{permission_problem(blocked)}.", EXIT_USAGE)
    if not os.access(existing, os.W_OK):
        message = f"{existing} is not writable: use a folder that you can write to."
        return CheckResult("data folder", "error", message, EXIT_USAGE)
    free = shutil.disk_usage(existing).free
    held = "" if is_store(settings.data) else ", without data yet"
    sentence = f"{settings.data} is writable{held}, {free / 2**30:,.0f} GiB free"
    if free < _LOW_DISK_BYTES:
        return CheckResult("data folder", "note", f"{sentence}: may be too little for a backfill")
    if (note := access_note(settings.data.absolute())) is not None:
        return CheckResult("data folder", "note", f"{sentence}; {note}")
    return CheckResult("data folder", "ok", sentence)


def _account(
    session: Session, settings: Settings, chosen: Sequence[Dataset]
) -> Iterator[CheckResult]:
    try:
        discovery = discover(session, lists_for(chosen), retry_refused=True)
    except ForbiddenError as error:
        yield CheckResult("devices", "error", str(error), EXIT_INCOMPLETE)
        return
    yield CheckResult("token", "ok", "accepted by the API")
    yield _devices(session, discovery)
    for line in discovery.news:
        yield CheckResult("devices", "note", line)
    for failure in discovery.failures:
        yield CheckResult("devices", "error", failure, EXIT_INCOMPLETE)
    yield from _data(session, daily(chosen), discovery.devices)
    for name, message in try_refused(session, settings, chosen, discovery.devices):
        yield CheckResult(name, "note", message)
    reads_settings = any(isinstance(each, DeviceAskingDataset) for each in chosen)
    yield from _control(session, discovery.devices, reads_settings=reads_settings)
    yield _clock(session)
    if (place := shared_budget_line(settings)) is not None:
        yield CheckResult("budget", "ok", place)
    for line in budget_lines(session.budget.snapshot()):
        yield CheckResult("budget", "ok", line)


def _clock(session: Session) -> CheckResult:
    ahead_s = session.client.clock_ahead_s
    if ahead_s is None:
        return CheckResult("clock", "note", "The API's responses have no time.")
    if abs(ahead_s) <= _CLOCK_TOLERANCE_S:
        return CheckResult("clock", "ok", "agrees with the API's")
    side = "ahead of" if ahead_s > 0 else "behind"
    message = f"{duration(abs(ahead_s))} {side} the API's: synchronize this machine's clock by NTP."
    return CheckResult("clock", "error", message, EXIT_INCOMPLETE)


def _devices(session: Session, discovery: Discovery) -> CheckResult:
    if not discovery.all_devices:
        return CheckResult("devices", "note", "The account has no devices.")
    start = history_start(discovery.all_devices, session.zone)
    counts = ", ".join(
        plural(len(devices), _KINDS[kind]) for kind, devices in discovery.devices.items() if devices
    )
    return CheckResult("devices", "ok", f"{counts}, history from {start}, days in {session.zone}")


def _data(
    session: Session, datasets: Sequence[DailyDataset], devices: Devices
) -> Iterator[CheckResult]:
    """Check the scopes of datasets: request one day of the device that was last in contact."""
    for dataset in datasets:
        candidates = of_kinds(devices, dataset.device_kinds)
        if not candidates:
            continue
        never = datetime.min.replace(tzinfo=UTC)
        device = max(candidates, key=lambda device: device.last_contact_at or never)
        day: date = local_day(device.last_contact_at or utc_now(), session.zone)
        request = dataset.request(device.device_id, day, day, session.zone)
        try:
            probe(session, dataset, request)
        except NotFoundError as error:
            yield CheckResult(dataset.name, "note", _with_alternative(dataset, error))
        except GivEnergyError as error:
            message = _with_alternative(dataset, error)
            yield CheckResult(dataset.name, "error", message, EXIT_INCOMPLETE)
        else:
            Availability(session.lake, dataset.name).forget(device.device_id)
            yield CheckResult(dataset.name, "ok", f"readable (scope {dataset.endpoint.scope})")


def _with_alternative(dataset: Dataset, error: GivEnergyError) -> str:
    """Return the message of an error, with what to use in place of an endpoint that has ended."""
    ended = isinstance(error, AccessError | NotFoundError | RequestRefusedError)
    return f"{error} {dataset.if_ended}" if ended and dataset.if_ended else str(error)


def _control(session: Session, devices: Devices, *, reads_settings: bool) -> Iterator[CheckResult]:
    """Check whether the token could change settings, by requesting the list of them."""
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
        yield CheckResult("control", "ok", "The token cannot change inverter settings.")
    except GivEnergyError as error:
        yield CheckResult("control", "note", str(error))
    else:
        yield CheckResult(
            "control",
            "note",
            f"The token has the scope {INVERTER_SETTINGS.scope} and could change inverter settings."
            " givlake uses it only to list settings and presets"
            f"{_AND_READ if reads_settings else '; a token without it is safer.'}",
        )
