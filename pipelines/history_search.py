"""Find when the history of each inverter begins, instead of believing the device lists.

A list can give the commissioning of a replaced communication device, years after the first data of
its inverter. The energies by month, which one request returns for all years, show the first month
with energy; if it is before the listed month, one more request shows the day.
"""

from collections.abc import Iterable, Iterator, Sequence

from assets.energy_flow_aggregates import DATASET
from assets.framework.contract.devices import DeviceKind, Devices
from assets.framework.contract.known_state import KnownState
from assets.framework.contract.request import Request
from assets.framework.ingestion.fetch_result import DatasetStoppedError
from assets.framework.ingestion.ingest import ingest
from assets.framework.ingestion.report import IngestionReport
from assets.framework.ingestion.session import Session
from assets.framework.ingestion.snapshot import SnapshotPlan
from pipelines.discovery import known_state_of

# All months, then the days of the first month with energy; or as many years, one after the other.
_STEPS = 15


class _HistoryPlan(SnapshotPlan):
    """The requests that show when the history of each inverter begins."""

    def __init__(self, state: KnownState, requests: Iterable[Request]) -> None:
        super().__init__(DATASET, state)
        self._requests = list(requests)

    def batches(self, report: IngestionReport) -> Iterator[Iterable[Request]]:
        """Plan the given requests."""
        yield self._requests


def unsearched(state: KnownState) -> list[Request]:
    """Return the requests that are still to be made for the inverters of a state."""
    with state.reading():
        return list(DATASET.history_requests(state))


def search_history(session: Session, devices: Devices) -> str | None:
    """Request what shows when the history of each inverter begins, as far as it is not known.

    Nothing is requested twice, and `energy_flow_aggregates` does not request it again.

    Args:
        session: Stores, client and budget.
        devices: The devices of the command.

    Returns:
        A sentence about the inverters whose beginning could not be looked up, if any.

    Raises:
        GivEnergyError: An error that makes further requests pointless.
    """
    inverters = {DeviceKind.INVERTER: devices.get(DeviceKind.INVERTER, ())}
    reasons: list[str] = []
    for _ in range(_STEPS):
        state = known_state_of(session, inverters)
        if not (requests := unsearched(state)):
            return None
        report = ingest(session, DATASET, _HistoryPlan(state, requests))
        if report.stopped is not None and not isinstance(report.stopped, DatasetStoppedError):
            raise report.stopped
        reasons = [*(each.message for each in report.failures), *report.unavailable]
        if report.stopped is not None:
            reasons.insert(0, str(report.stopped))
        if reasons or report.cancelled:
            break
    left = {each.device_id for each in unsearched(known_state_of(session, inverters))}
    if not left or not reasons:
        return None
    return (
        f"When the history of {_named(sorted(left))} begins could not be looked up:"
        f" {reasons[0]} Name older days with --start to fetch them."
    )


def _named(serials: Sequence[str]) -> str:
    return serials[0] if len(serials) == 1 else f"{len(serials):,} inverters"
