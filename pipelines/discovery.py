"""Discover the account's devices, new devices, and when the history of each can start.

One request per device list; everything else is read from the tables of the lists.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import msgspec
import pyarrow as pa

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.framework.contract.dataset import DeviceList
from assets.framework.contract.devices import (
    Device,
    DeviceKind,
    Devices,
    expected_days,
    local_day,
    of_kinds,
)
from assets.framework.contract.known_state import KnownState
from assets.framework.ingestion.fetch_result import DatasetStoppedError
from assets.framework.ingestion.ingest import ingest
from assets.framework.ingestion.report import IngestionReport
from assets.framework.ingestion.session import Session
from assets.framework.ingestion.snapshot import SnapshotPlan
from assets.registry import daily_datasets, device_lists
from givenergy import ForbiddenError
from warehouse import Lake

HISTORY_STARTS = "history_starts"
_KNOWN = "known_devices"
_DISCOVERED_AT = "discovered_at"
# The API has no older data: the vendor's cloud did not exist.
EARLIEST = date(2015, 1, 1)
# Lists of chargers and smart devices change seldom.
_LIST_MAX_AGE = timedelta(hours=6)


class UnknownDeviceError(Exception):
    """A device that was named is not in the account."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The account's devices.

    Attributes:
        devices: The devices by kind.
        new: The devices that the previous discovery did not have.
        at: When the lists were requested, UTC.
        reports: The reports of the lists that were requested, by name.
    """

    devices: Devices
    new: tuple[Device, ...]
    at: datetime
    reports: Mapping[str, IngestionReport] = field(default_factory=dict)

    @property
    def failures(self) -> list[str]:
        """Messages about the lists that could not be fetched."""
        return [
            f"{name}: {result.message}"
            for name, report in self.reports.items()
            for result in report.failures
        ]

    @property
    def all_devices(self) -> tuple[Device, ...]:
        """The devices of all kinds, each once."""
        return _distinct(self.devices)

    def choose(self, device_ids: Sequence[str]) -> Devices:
        """Limit the devices to some; an empty list means all.

        Raises:
            UnknownDeviceError: One of them is not in the account.
        """
        if not device_ids:
            return self.devices
        known = [device.device_id for device in self.all_devices]
        for device_id in device_ids:
            if device_id not in known:
                names = ", ".join(sorted(known)[:5]) or "none"
                more = f" and {len(known) - 5} more" if len(known) > 5 else ""
                raise UnknownDeviceError(
                    f"Unknown device {device_id!r}: the account has {names}{more}."
                )
        return {
            kind: tuple(device for device in devices if device.device_id in device_ids)
            for kind, devices in self.devices.items()
        }


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
        for device_list in ([only] if only is not None else lists)
        if device_list in (only, COMMUNICATION_DEVICES) or _is_old(device_list, known_state)
    }
    for report in reports.values():
        _raise_if_fatal(report)
    known = msgspec.convert(lake.state.get(_KNOWN), list[str] | None)
    # Devices of lists that were not requested are known from before: neither gone nor new.
    devices, all_devices = expect(lake, session.zone, lists)
    at = datetime.now(UTC)
    lake.state.set(_KNOWN, [device.device_id for device in all_devices])
    lake.state.set(_DISCOVERED_AT, at.isoformat())
    new = () if known is None else (d for d in all_devices if d.device_id not in known)
    return Discovery(devices, tuple(new), at, reports)


def expect(
    lake: Lake, zone: str, lists: Sequence[DeviceList] = ()
) -> tuple[Devices, tuple[Device, ...]]:
    """Store the expected days of each device, and when history starts.

    All device lists count, whichever was requested last; the stored values are replaced.

    Returns:
        The devices of some lists, by kind, and those of all lists, each once.
    """
    by_list = _devices_by_list(lake)
    devices = _by_kind(by_list.values())
    lake.expect(expected_of(devices, zone))
    if all_devices := _distinct(devices):
        lake.state.set(HISTORY_STARTS, {**_starts(devices, all_devices, zone)})
    return _by_kind(by_list[device_list] for device_list in lists), all_devices


def expected_of(devices: Devices, zone: str) -> pa.Table:
    """Return the expected days of devices, as `Lake.expect` takes them."""
    today = local_day(datetime.now(UTC), zone)
    tables = [
        expected_days(dataset.name, of_kinds(devices, dataset.device_kinds), EARLIEST, today, zone)
        for dataset in daily_datasets()
    ]
    return pa.concat_tables(tables)


def _starts(devices: Devices, all_devices: Sequence[Device], zone: str) -> dict[str, str]:
    """Return the first day of each dataset, from the devices of its kinds where they have dates."""
    starts = {}
    for dataset in daily_datasets():
        chosen = of_kinds(devices, dataset.device_kinds)
        dated = chosen and all(device.commissioned_at is not None for device in chosen)
        starts[dataset.name] = history_start(chosen if dated else all_devices, zone).isoformat()
    return starts


def known_state_of(
    session: Session, devices: Devices, *, refetch: bool = False, retry_refused: bool = False
) -> KnownState:
    """Return what is known to the datasets when they plan their requests."""
    return KnownState(
        lake=session.lake,
        devices=devices,
        account=session.account,
        now=datetime.now(UTC),
        zone=session.zone,
        range_days=session.range_days,
        refetch=refetch,
        retry_refused=retry_refused,
    )


def last_discovery(lake: Lake) -> Discovery | None:
    """Return the last discovery, without a request; None if there was none."""
    at = lake.state.get(_DISCOVERED_AT)
    if at is None:
        return None
    return Discovery(known_devices(lake), (), msgspec.convert(at, datetime))


def known_devices(lake: Lake) -> Devices:
    """List the devices of the last discovery, without a request."""
    return _by_kind(_devices_by_list(lake).values())


def _devices_by_list(lake: Lake) -> dict[DeviceList, Devices]:
    known_state = KnownState(
        lake=lake, devices={}, account="", now=datetime.now(UTC), zone="UTC", range_days=1
    )
    with known_state.reading():
        return {device_list: device_list.devices(known_state) for device_list in device_lists()}


def _by_kind(lists: Iterable[Devices]) -> Devices:
    """Merge lists; a device in several lists is taken from the first of them."""
    by_kind: dict[DeviceKind, dict[str, Device]] = {}
    for listed in lists:
        for kind, devices in listed.items():
            by_id = by_kind.setdefault(kind, {})
            for device in devices:
                by_id.setdefault(device.device_id, device)
    return {
        kind: tuple(sorted(devices.values(), key=lambda device: device.device_id))
        for kind, devices in by_kind.items()
    }


def history_start(devices: Sequence[Device], zone: str) -> date:
    """Return the day of the earliest commissioning, in the account's time zone."""
    days = [local_day(d.commissioned_at, zone) for d in devices if d.commissioned_at is not None]
    return max(min(days, default=EARLIEST), EARLIEST)


def _distinct(devices: Devices) -> tuple[Device, ...]:
    return tuple({d.device_id: d for kind in devices.values() for d in kind}.values())


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
