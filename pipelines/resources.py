"""Dagster resources: the shared request budget, the API with the stores, and who watches a run."""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from types import FrameType
from typing import Protocol

import dagster as dg

from assets.framework.contract.dataset import DeviceList
from assets.framework.contract.devices import Devices
from assets.framework.contract.known_state import KnownState
from assets.framework.ingestion.planner import due_devices
from assets.framework.ingestion.report import IngestionReport
from assets.framework.ingestion.session import Session
from givenergy import GivEnergyError, RequestBudget
from pipelines.alerts.failure_kinds import FAILURE_KIND_LABEL, failure_kind_of
from pipelines.discovery import Discovery, discover, known_state_of, last_discovery
from pipelines.health.schedule_watch import note_scheduled_run
from pipelines.pending_builds import build_all_pending
from pipelines.selection import lists_for, selected
from pipelines.session_factory import open_budget, open_lake, open_session
from pipelines.settings import Settings, SettingsError, load_settings
from warehouse import Lake, WarehouseError

# A run asks for the device list only if nobody has done so for this long.
_DISCOVERY_LASTS = timedelta(minutes=15)


class Reporter(Protocol):
    """Shows a run while it is in progress, such as the command line."""

    def progress(self, report: IngestionReport) -> None:
        """Show that a request has been dealt with."""

    def finished(self, report: IngestionReport) -> None:
        """Take the report of a run that has ended."""


class _Silence:
    """The reporter if nobody watches: Dagster's log and metadata have it all."""

    def progress(self, report: IngestionReport) -> None:
        """Show nothing."""

    def finished(self, report: IngestionReport) -> None:
        """Show nothing."""


silent_reporter = dg.ResourceDefinition.hardcoded_resource(_Silence(), "Nobody watches the run.")


class RateLimit(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The account's request budget, shared with every process and run on this machine."""

    reserve: int

    def open(self, settings: Settings, account: str) -> RequestBudget:
        """Open the budget of an account."""
        return open_budget(settings, account, self.reserve)


class GivEnergyApi(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The token's account and its data folder; settings come from the environment."""

    rate_limit: RateLimit

    @contextmanager
    def session(
        self, only: DeviceList | None = None, *, force: bool = True
    ) -> Iterator[tuple[Session, Discovery]]:
        """Open a session and find out which devices there are, by one list `only` if it is given.

        Without `force` that list is asked for if it is due. What a killed process has archived and
        not built is built first.

        Interrupting the process ends the session's work in an orderly way. What a person can mend
        is raised as a Dagster failure that is not worth a retry.
        """
        cancelled = threading.Event()
        try:
            with (
                _interrupts(cancelled),
                open_session(
                    load_settings(),
                    open_budget=self.rate_limit.open,
                    cancelled=cancelled,
                    prepare=partial(build_all_pending, note_days=False),
                ) as session,
            ):
                recent = last_discovery(session.lake)
                if (
                    recent is None
                    or (only is None and datetime.now(UTC) - recent.at > _DISCOVERY_LASTS)
                    or (
                        only is not None
                        and (force or due_devices(only, known_state_of(session, {})))
                    )
                ):
                    lists = lists_for(selected(load_settings()))
                    recent = discover(session, lists, only=only)
                yield session, recent
        except (GivEnergyError, SettingsError, WarehouseError) as error:
            kind = {FAILURE_KIND_LABEL: failure_kind_of(error, "a run")}
            raise dg.Failure(str(error), metadata=kind, allow_retries=False) from error

    def known_state(self, session: Session, devices: Devices, *, refetch: bool) -> KnownState:
        """Show a dataset what is known."""
        return known_state_of(session, devices, refetch=refetch)

    def note_run(self, lake: Lake, tags: Mapping[str, str]) -> None:
        """Note that a run with these tags has done its work."""
        note_scheduled_run(lake, tags)

    @contextmanager
    def lake(self) -> Iterator[Lake]:
        """Open the data folder alone."""
        try:
            with open_lake(load_settings()) as lake:
                yield lake
        except (SettingsError, WarehouseError) as error:
            raise dg.Failure(str(error), allow_retries=False) from error


@contextmanager
def _interrupts(cancelled: threading.Event) -> Iterator[None]:
    """Let Ctrl-C, and Dagster's wish to end a run, set the event; a second one ends at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        if cancelled.is_set():
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
