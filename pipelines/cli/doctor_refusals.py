"""The part of `givlake doctor` that tries at once what the API has refused."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from assets.framework.contract.dataset import Dataset, DeviceList, SnapshotDataset
from assets.framework.contract.device_asking import DeviceAskingDataset
from assets.framework.contract.devices import Devices
from assets.framework.contract.request import Request
from assets.framework.ingestion.availability import (
    Availability,
    Refusal,
    reason_of,
    unavailable,
)
from assets.framework.ingestion.session import Session
from givenergy.budget.request_budget import Priority
from givenergy.errors import AccessError, NotFoundError, RequestRefusedError, RetryableError
from pipelines.discovery import known_state_of
from pipelines.health.refusal_lines import refused
from pipelines.open_folder import open_for_reading
from pipelines.selection import lists_for, selected_snapshots
from pipelines.settings import Settings
from warehouse.lake import Lake

# Requests for each dataset; there can be a refusal for every device.
_TRIES = 3


def try_refused(
    session: Session, settings: Settings, chosen: Sequence[Dataset], devices: Devices
) -> Iterator[tuple[str, str]]:
    """Request what was refused, and forget the refusals that no longer hold.

    What was refused just now, such as a device list, is reported too.

    Args:
        session: A session in a scratch folder with the state of the data folder.
        settings: Where the data folder is.
        chosen: The selected datasets.
        devices: The devices.

    Yields:
        The name of a dataset, or "datasets", and what is found about it.
    """
    # Devices are not asked for a check.
    left_out = (DeviceList, DeviceAskingDataset)
    snapshots = {d.name: d for d in selected_snapshots(chosen) if not isinstance(d, left_out)}
    with open_for_reading(settings) as lake:
        before = unavailable(lake)
        for name, refusals in before.items():
            if name in snapshots:
                _try(session, lake, snapshots[name], devices, refusals)
    # The lists and a day of each dataset have been requested before.
    still = unavailable(session.lake)
    cleared = {n: each.keys() - still.get(n, {}).keys() for n, each in before.items()}
    for name, subjects in cleared.items():
        for subject in sorted(subjects):
            about = f" for {subject}" if subject else ""
            yield name, f"available again{about}; it was {before[name][subject].timeline}"
    names = {dataset.name for dataset in (*lists_for(chosen), *chosen)}
    found = refused(session.lake, names)
    for line in found.summary:
        yield "datasets", line
    for about, refusal in found.describe_others():
        name, _, subject = about.partition(" ")
        yield name, f"not available{f' for {subject}' if subject else ''}: {refusal}"
    # A folder that cannot be written keeps them until the next command that asks.
    if any(cleared.values()) and os.access(settings.data, os.W_OK):
        with Lake(settings.data) as writable:
            for name, subjects in cleared.items():
                for subject in subjects:
                    Availability(writable, name).forget(subject)


def _try(
    session: Session,
    lake: Lake,
    dataset: SnapshotDataset,
    devices: Devices,
    refusals: Mapping[str, Refusal],
) -> None:
    """Request some of what was refused of a dataset, and note the results in the scratch folder."""
    state = known_state_of(replace(session, lake=lake), devices, retry_refused=True)
    by_subject: dict[str, Request] = {}
    with state.reading():
        for request in dataset.requests(state):
            for subject in ("", request.subject):
                by_subject.setdefault(subject, request)
    availability = Availability(session.lake, dataset.name)
    for subject, refusal in list(refusals.items())[:_TRIES]:
        if (found := by_subject.get(subject)) is None:
            continue
        found = found.shortest() or found
        try:
            probe(session, dataset, found)
        except (AccessError, NotFoundError, RequestRefusedError) as error:
            reason = reason_of(error, found, dataset.endpoint)
            availability.note(subject, reason, weekly=refusal.weekly)
        except RetryableError:
            # No verdict: the refusal stands as it was.
            continue
        else:
            availability.forget(found.subject)


def probe(session: Session, dataset: Dataset, request: Request) -> None:
    """Make a request whose response is not kept.

    Raises:
        GivEnergyError: It is refused, or failed.
    """
    session.client.fetch(
        dataset.endpoint,
        path=request.path,
        query=request.query,
        body=request.body,
        priority=Priority.TODAY,
        context={"dataset": "doctor"},
        stop_after=request.stop_after,
    )
