"""Dagster resources: the shared request budget, the API with the stores, and the run reporter."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import Protocol

import dagster as dg

from assets.framework.contract.dataset import Dataset, DeviceList
from assets.framework.contract.devices import Devices
from assets.framework.contract.known_state import KnownState
from assets.framework.contract.setting_choice import NO_SETTING_READS
from assets.framework.ingestion.planner import due_devices
from assets.framework.ingestion.report import IngestionReport
from assets.framework.ingestion.session import Session
from assets.registry import datasets
from givenergy.budget.request_budget import RequestBudget
from givenergy.errors import GivEnergyError
from givenergy.server_clock import utc_now
from pipelines.account_budget import open_budget
from pipelines.alerts.failure_kinds import FAILURE_KIND_LABEL, failure_kind_of
from pipelines.dagster_workarounds.event_log import one_transaction
from pipelines.discovery import discover, known_state_of
from pipelines.health.schedule_watch import record_scheduled_run
from pipelines.known_devices import Discovery, last_discovery
from pipelines.open_folder import open_lake
from pipelines.pending_builds import build_all_pending
from pipelines.run_locks import run_lock
from pipelines.selection import lists_for, selected
from pipelines.session_factory import open_session
from pipelines.settings import Settings, with_numbers
from pipelines.settings_file import SettingsError
from pipelines.settings_to_read import setting_names_problem
from warehouse.errors import WarehouseError
from warehouse.lake import Lake

# A run requests the device lists only if the last discovery is older than this.
_DISCOVERY_MAX_AGE = timedelta(minutes=15)
# Nor the account, if its time zone is unknown; a command asks for it whenever it starts.
_UNKNOWN_ZONE_MAX_AGE = timedelta(hours=1)


class Reporter(Protocol):
    """Shows a run while it is in progress, such as the command line."""

    def progress(self, report: IngestionReport) -> None:
        """Show the state of a run after a request."""

    def finished(self, report: IngestionReport) -> None:
        """Receive the report of a run that has ended."""

    def tell(self, sentence: str) -> None:
        """Show that the API does not respond, or responds again."""


class _SilentReporter:
    """The default reporter: Dagster's log and metadata hold everything."""

    def progress(self, report: IngestionReport) -> None:
        """Show nothing."""

    def finished(self, report: IngestionReport) -> None:
        """Show nothing."""

    def tell(self, sentence: str) -> None:
        """Show nothing."""


silent_reporter = dg.ResourceDefinition.hardcoded_resource(_SilentReporter(), "Shows nothing.")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The account's request budget, shared by all processes and runs on this machine."""

    reserve: int

    def open(self, settings: Settings, account: str) -> RequestBudget:
        """Open the budget of an account."""
        return open_budget(settings, account, self.reserve)


@dataclass(frozen=True, slots=True)
class GivEnergyApi:
    """The token's account and its data folder."""

    settings: Settings
    rate_limit: RateLimit

    @contextmanager
    def session(
        self,
        only: DeviceList | None = None,
        *,
        force: bool = True,
        tell: Callable[[str], object] = lambda _: None,
    ) -> Iterator[tuple[Session, Discovery]]:
        """Open a session and discover the account's devices.

        Pending builds are built first. Interrupting the process ends the session's work in an
        orderly way.

        Args:
            only: Request this device list and no other.
            force: Request that list although it is not due.
            tell: Called with a sentence when the API stops responding, and responds again.

        Raises:
            Failure: An error that the owner can fix; Dagster does not retry it.
        """
        cancelled = threading.Event()
        try:
            with (
                _interrupts(cancelled),
                open_session(
                    self.settings,
                    open_budget=self.rate_limit.open,
                    cancelled=cancelled,
                    prepare=partial(build_all_pending, record_days=False),
                    unknown_zone_max_age=_UNKNOWN_ZONE_MAX_AGE,
                    tell=tell,
                ) as session,
            ):
                recent = last_discovery(session.lake)
                if (
                    recent is None
                    or (only is None and utc_now() - recent.at > _DISCOVERY_MAX_AGE)
                    or (
                        only is not None
                        and (force or due_devices(only, known_state_of(session, {})))
                    )
                ):
                    lists = lists_for(selected(self.settings))
                    recent = discover(session, lists, only=only)
                yield session, recent
        except (GivEnergyError, SettingsError, WarehouseError) as error:
            kind = {FAILURE_KIND_LABEL: failure_kind_of(error, "a run")}
            raise dg.Failure(str(error), metadata=kind, allow_retries=False) from error

    def known_state(
        self, session: Session, devices: Devices, *, refetch: bool, retry_refused: bool
    ) -> KnownState:
        """Return what is known to the datasets when they plan their requests."""
        if setting_names_problem(session.lake, self.settings, datasets()) is not None:
            session = replace(session, setting_reads=NO_SETTING_READS)
        return known_state_of(session, devices, refetch=refetch, retry_refused=retry_refused)

    def problem_of(self, lake: Lake, dataset: Dataset) -> str | None:
        """Return what the owner should correct in the settings of a dataset; None if nothing."""
        return setting_names_problem(lake, self.settings, [dataset])

    def note_run(self, lake: Lake, tags: Mapping[str, str]) -> None:
        """Record that a run with these tags has worked, if a schedule started it."""
        record_scheduled_run(lake, tags)

    def one_transaction(self, context: dg.AssetExecutionContext) -> AbstractContextManager[None]:
        """Store the events that a run reports within it at once."""
        return one_transaction(context.instance, context.run.run_id)

    def running(self, context: dg.AssetExecutionContext) -> AbstractContextManager[None]:
        """Show other processes that a run is alive."""
        return run_lock(self.settings.data, context.run.run_id)

    @contextmanager
    def lake(self) -> Iterator[Lake]:
        """Open the data folder without the API."""
        try:
            with open_lake(self.settings) as lake:
                yield lake
        except (SettingsError, WarehouseError) as error:
            raise dg.Failure(str(error), allow_retries=False) from error


def api_resources(settings: Settings) -> dict[str, dg.ResourceDefinition]:
    """Make the resources of a run; its configuration can replace some of the settings.

    Args:
        settings: The settings of the process. They hold the token, so they are no configuration.
    """

    def rate_limit(context: dg.InitResourceContext) -> RateLimit:
        return RateLimit(_chosen(settings, context.resource_config).reserve)

    def api(context: dg.InitResourceContext) -> GivEnergyApi:
        chosen = _chosen(settings, context.resource_config)
        return GivEnergyApi(chosen, context.resources.rate_limit)

    def number(default: int, description: str) -> dg.Field:
        return dg.Field(int, default_value=default, is_required=False, description=description)

    return {
        "rate_limit": dg.ResourceDefinition(
            rate_limit,
            {"reserve": number(settings.reserve, "Requests per minute left to other programs.")},
            "The account's request budget.",
        ),
        "givenergy": dg.ResourceDefinition(
            api,
            {
                "connections": number(settings.connections, "Requests in flight."),
                "range_days": number(
                    settings.range_days, "Days per request, where a request can cover several."
                ),
                "retry_s": number(
                    settings.retry_s, "Seconds during which a failing request is retried."
                ),
            },
            "The token's account and its data folder.",
            required_resource_keys={"rate_limit"},
        ),
    }


def _chosen(settings: Settings, numbers: Mapping[str, int]) -> Settings:
    """Return the settings with the numbers of a run's configuration.

    Raises:
        Failure: A number is not valid.
    """
    try:
        return with_numbers(settings, numbers)
    except SettingsError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


@contextmanager
def _interrupts(cancelled: threading.Event) -> Iterator[None]:
    """Set an event on Ctrl-C or when Dagster terminates the run; a second one ends at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    heard: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        if len(heard) > 1:
            raise KeyboardInterrupt
        cancelled.set()

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
