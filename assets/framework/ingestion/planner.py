"""Plan requests: device-days by their states, snapshots by the age of the last response."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import pyarrow as pa

from assets.framework.contract.dataset import Cadence, DailyDataset, SnapshotDataset
from assets.framework.contract.device_asking import DeviceAskingDataset
from assets.framework.contract.devices import Device, expected_days
from assets.framework.contract.known_state import KnownState
from assets.framework.contract.request import Request
from assets.framework.contract.stored_ranges import NAMED
from assets.framework.ingestion.availability import Availability
from assets.framework.ingestion.last_requests import LastRequest, last_requests, of_kinds
from warehouse.coverage import coverage_by_month, days_to_fetch
from warehouse.lake import Lake

# A little less than the period, so that a run that began late does not put the next one off.
PERIOD = {
    Cadence.EVERY_POLL: timedelta(minutes=10),
    Cadence.DAILY: timedelta(hours=20),
    Cadence.WEEKLY: timedelta(days=6, hours=12),
}


def plan(
    lake: Lake,
    dataset: DailyDataset,
    devices: Sequence[Device],
    start: date,
    end: date,
    zone: str,
    *,
    now: datetime,
    refetch: bool = False,
    refresh: bool = False,
    refused: bool = False,
) -> Iterator[pa.Table]:
    """Yield the device-days to request, a table for each month, newest first.

    Args:
        lake: The data folder.
        dataset: Dataset to plan.
        devices: Devices to plan for.
        start: First day.
        end: Last day, inclusive.
        zone: IANA time zone in which days are understood.
        now: The present time, UTC.
        refetch: See `warehouse.days_to_fetch`.
        refresh: See there.
        refused: See there.
    """
    named = NAMED.of_devices(lake, dataset.name, (device.device_id for device in devices))
    expected = expected_days(dataset.name, devices, start, end, zone, named)
    for states in coverage_by_month(lake, [dataset.coverage_rule], expected, start, end, now=now):
        yield days_to_fetch(states, refetch=refetch, refresh=refresh, refused=refused)


def without_answered(
    requests: Sequence[Request], dataset: SnapshotDataset, state: KnownState
) -> list[Request]:
    """Return requests without those about a part of a device that were answered within the period.

    Another part of the device can be the reason why the device is due.
    """
    # What is asked of devices is due setting by setting, which the dataset itself decides.
    if state.refetch or isinstance(dataset, DeviceAskingDataset):
        return list(requests)
    answered = [
        each
        for each in last_requests(state, [dataset]).get(dataset.name, ())
        if each.is_settled and state.now - each.at <= PERIOD[dataset.cadence]
    ]
    parts = [each for each in requests if each.part and each.span is None]
    _, unneeded = of_kinds(answered, parts, dataset.endpoint)
    left_out = {id(request) for request in unneeded}
    return [request for request in requests if id(request) not in left_out]


def due_datasets(datasets: Sequence[SnapshotDataset], state: KnownState) -> list[SnapshotDataset]:
    """Return the datasets that have requests to make now, in the given order."""
    with state.reading():
        requested = last_requests(state, datasets)
        due = {dataset for dataset in datasets if due_devices(dataset, state, requested)}
    # Their new rows can give other datasets requests to make.
    updated = {table.name for dataset in due for table in dataset.output_tables}
    due |= {dataset for dataset in datasets if updated & set(dataset.depends_on)}
    return [dataset for dataset in datasets if dataset in due]


def due_devices(
    dataset: SnapshotDataset,
    state: KnownState,
    requested: Mapping[str, Sequence[LastRequest]] | None = None,
) -> frozenset[str]:
    """Return the devices, "" for the account, for which a dataset has requests to make now.

    A device is due if its newest request failed, or if it was not answered within the dataset's
    period. What was refused is due as `availability` says.

    Args:
        dataset: The dataset.
        state: What is known.
        requested: The last requests by dataset, if they are known; None reads the dataset's.
    """
    availability = Availability(state.lake, dataset.name)
    retry = state.refetch or state.retry_refused
    failed = set()
    with state.reading():
        candidates, closed = set(), []
        for request in dataset.requests(state):
            for part in request.joins or (request,):
                why = availability.why(part.subject, state.now)
                if not retry and (why or availability.is_too_old(part, state.now)):
                    closed.append(part)
                    continue
                candidates.add(part.device_id)
                if availability.is_refused("", part.subject):
                    failed.add(part.device_id)
        if state.refetch or isinstance(dataset, DeviceAskingDataset):
            return frozenset(candidates)
        if requested is None:
            requested = last_requests(state, [dataset])
        known = requested.get(dataset.name, ())
    of_closed, _ = of_kinds(known, closed, dataset.endpoint)
    ids_of_closed = {id(last_request) for last_request in of_closed}
    answered: dict[str, datetime] = {}
    for last_request in known:
        device_id = last_request.device_id
        if id(last_request) in ids_of_closed:
            # Its failure is known: what is left of the device is due by its other requests.
            if (at := last_request.complete_at) is not None:
                answered[device_id] = max(answered.get(device_id, at), at)
        elif last_request.is_settled:
            if dataset.refreshed_by not in last_request.kind:
                continue
            answered[device_id] = max(answered.get(device_id, last_request.at), last_request.at)
        else:
            failed.add(device_id)
    return frozenset(
        device_id
        for device_id in candidates
        if device_id in failed
        or device_id not in answered
        or state.now - answered[device_id] > PERIOD[dataset.cadence]
    )
