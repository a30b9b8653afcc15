"""Which datasets that are requested in their present state are due."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from assets.framework.contract.dataset import Cadence, SnapshotDataset
from assets.framework.contract.known_state import KnownState
from assets.framework.ingestion.availability import Availability
from assets.framework.ingestion.last_requests import last_requests
from warehouse import State

# A little less than the period, so that a run that began late does not put the next one off.
_PERIOD = {
    Cadence.EVERY_POLL: timedelta(minutes=10),
    Cadence.DAILY: timedelta(hours=20),
    Cadence.WEEKLY: timedelta(days=6, hours=12),
}


def due_datasets(datasets: Sequence[SnapshotDataset], state: KnownState) -> list[SnapshotDataset]:
    """Return those of some datasets of which something is to be requested now, in their order."""
    due = {dataset for dataset in datasets if due_devices(dataset, state)}
    # What they are about to fill may tell other datasets what to request.
    filled = {table.name for dataset in due for table in dataset.output_tables}
    due |= {dataset for dataset in datasets if filled & set(dataset.depends_on)}
    return [dataset for dataset in datasets if dataset in due]


def due_devices(dataset: SnapshotDataset, state: KnownState) -> frozenset[str]:
    """Return the devices, "" for the account, of which something is to be requested now.

    Those that the dataset would request, and that were not answered in the dataset's period, or
    whose newest request failed. What is unavailable is not due.
    """
    unavailable = Availability(state.lake, dataset.name)
    with state.reading():
        requested = {
            request.device_id
            for request in dataset.requests(state)
            if state.refetch or unavailable.why(request.subject, state.now) is None
        }
        last = [] if state.refetch else last_requests(state, dataset.name).get(dataset.name, ())
    if state.refetch:
        return frozenset(requested)
    answered: dict[str, datetime] = {}
    failed = set()
    for request in last:
        if request.state in (State.COMPLETE, State.GONE):
            before = answered.get(request.device_id, request.at)
            answered[request.device_id] = max(before, request.at)
        else:
            failed.add(request.device_id)
    return frozenset(
        device_id
        for device_id in requested
        if device_id in failed
        or device_id not in answered
        or state.now - answered[device_id] > _PERIOD[dataset.cadence]
    )
