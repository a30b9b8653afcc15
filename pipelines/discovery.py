"""Discover the account's devices: one request per device list."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.contract.dataset import DeviceList
from assets.framework.contract.devices import (
    Devices,
)
from assets.framework.contract.known_state import KnownState
from assets.framework.ingestion.fetch_result import DatasetStoppedError
from assets.framework.ingestion.ingest import ingest
from assets.framework.ingestion.report import IngestionReport
from assets.framework.ingestion.session import Session
from assets.framework.ingestion.snapshot import SnapshotPlan
from givenergy.errors import ForbiddenError
from givenergy.server_clock import utc_now
from pipelines.known_devices import DISCOVERED_AT, KNOWN, Discovery, expect

# Lists of chargers and smart devices change seldom.
_LIST_MAX_AGE = timedelta(hours=6)


def discover(
    session: Session,
    lists: Sequence[DeviceList],
    *,
    only: DeviceList | None = None,
    retry_refused: bool = False,
) -> Discovery:
    """Request the device lists, and store the days that are expected of each device.

    Args:
        session: Stores, client and budget.
        lists: The lists to use; those that change seldom are requested only if they are old.
        only: Request this list, whatever its age, and no other.
        retry_refused: Request what was refused, although it is not due.

    Raises:
        GivEnergyError: The list of communication devices cannot be fetched, for another reason
            than a missing scope.
    """
    lake = session.lake
    known_state = known_state_of(session, {}, retry_refused=retry_refused)
    reports = {
        device_list.name: ingest(session, device_list, SnapshotPlan(device_list, known_state))
        for device_list in ([only] if only is not None else lists_to_request(lists, known_state))
    }
    for report in reports.values():
        _raise_if_fatal(report)
    known = msgspec.convert(lake.state.get(KNOWN), list[str] | None)
    # Devices of lists that were not requested are known from before: neither gone nor new.
    devices, all_devices = expect(lake, session.zone, lists)
    at = known_state.now
    lake.state.set(KNOWN, [device.device_id for device in all_devices])
    lake.state.set(DISCOVERED_AT, at.isoformat())
    new = () if known is None else (d for d in all_devices if d.device_id not in known)
    return Discovery(devices, tuple(new), at, reports)


def lists_to_request(lists: Sequence[DeviceList], state: KnownState) -> list[DeviceList]:
    """Return the lists that a command requests: those that change seldom only if they are old."""
    return [each for each in lists if each is COMMUNICATION_DEVICES or _is_old(each, state)]


def known_state_of(
    session: Session, devices: Devices, *, refetch: bool = False, retry_refused: bool = False
) -> KnownState:
    """Return what is known to the datasets when they plan their requests."""
    return KnownState(
        lake=session.lake,
        devices=devices,
        account=session.account,
        now=utc_now(),
        zone=session.zone,
        range_days=session.range_days,
        refetch=refetch,
        retry_refused=retry_refused,
        setting_reads=session.setting_reads,
    )


def _is_old(device_list: DeviceList, known_state: KnownState) -> bool:
    fetched = [response.at for response in known_state.latest_responses(device_list.name)]
    return not fetched or known_state.now - max(fetched) > _LIST_MAX_AGE


def _raise_if_fatal(report: IngestionReport) -> None:
    """Raise an error that makes it pointless to continue."""
    # One list that cannot be had says nothing about the others.
    if report.stopped is not None and not isinstance(report.stopped, DatasetStoppedError):
        raise report.stopped
    if report.dataset == COMMUNICATION_DEVICES.name:
        for result in report.failures:
            # Chargers and smart devices do not need the scope that inverters need.
            if result.error is not None and not isinstance(result.error, ForbiddenError):
                raise result.error
