"""Which devices the account has, which of them are new, and from when on their history can be had.

A request for each list of devices; everything else is read from the tables that they fill.
"""

from collections.abc import Mapping, Sequence
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
# The API cannot hold anything older: the vendor's cloud did not exist.
EARLIEST = date(2015, 1, 1)
# Chargers and smart devices come and go less often than somebody looks for new days.
_LISTS_LAST = timedelta(hours=6)


class UnknownDeviceError(Exception):
    """A device that was asked for is not among those of the account."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The account's devices, and when they were asked for; `new` are those not known before.

    `reports` says what was asked for to find out, by list.
    """

    devices: Devices
    new: tuple[Device, ...]
    at: datetime
    reports: Mapping[str, IngestionReport] = field(default_factory=dict)

    @property
    def trouble(self) -> list[str]:
        """Say which lists could not be had."""
        return [
            f"{name}: {result.message}"
            for name, report in self.reports.items()
            for result in report.failures
        ]

    @property
    def everything(self) -> tuple[Device, ...]:
        """The devices of all kinds, each once."""
        return _once(self.devices)

    def choose(self, device_ids: Sequence[str]) -> Devices:
        """Limit the devices to those named; none named means all.

        Raises:
            UnknownDeviceError: if one of them is not in the account.
        """
        if not device_ids:
            return self.devices
        known = [device.device_id for device in self.everything]
        for device_id in device_ids:
            if device_id not in known:
                names = ", ".join(sorted(known)[:5]) or "none"
                more = f" and {len(known) - 5} more" if len(known) > 5 else ""
                raise UnknownDeviceError(
                    f"There is no device {device_id!r} in this account: it has {names}{more}."
                )
        return {
            kind: tuple(device for device in devices if device.device_id in device_ids)
            for kind, devices in self.devices.items()
        }


def discover(
    session: Session, lists: Sequence[DeviceList], *, only: DeviceList | None = None
) -> Discovery:
    """Ask for the lists of devices, and note what can be expected of each device.

    Args:
        session: stores, client and budget.
        lists: the lists to go by; those that change seldom are asked for only if they are old.
        only: ask for this list, whatever its age, and for no other.

    Raises:
        GivEnergyError: if the list of communication devices cannot be had, for another reason than
            a scope that the token lacks.
    """
    lake = session.lake
    before = known_state_of(session, {})
    reports = {
        device_list.name: ingest(session, device_list, SnapshotPlan(device_list, before))
        for device_list in ([only] if only is not None else lists)
        if device_list in (only, COMMUNICATION_DEVICES) or _is_old(device_list, before)
    }
    for report in reports.values():
        _raise_if_fatal(report)
    known = msgspec.convert(lake.state.get(_KNOWN), list[str] | None)
    devices = known_devices(lake, lists)
    # What other lists have told before still stands: their devices are neither gone nor new.
    everything = expect(lake, session.zone)
    at = datetime.now(UTC)
    lake.state.set(_KNOWN, [device.device_id for device in everything])
    lake.state.set(_DISCOVERED_AT, at.isoformat())
    new = () if known is None else (d for d in everything if d.device_id not in known)
    return Discovery(devices, tuple(new), at, reports)


def expect(lake: Lake, zone: str) -> tuple[Device, ...]:
    """Note which days can be expected of which device, and since when there is history.

    It goes by all lists of devices, whichever of them was asked for last: what is noted replaces
    what was noted before.

    Returns:
        The devices, each once.
    """
    devices = known_devices(lake)
    lake.expect(expected_of(devices, zone))
    if everything := _once(devices):
        lake.state.set(HISTORY_STARTS, {**_starts(devices, everything, zone)})
    return everything


def expected_of(devices: Devices, zone: str) -> pa.Table:
    """List which days can be expected of devices, as `Lake.expect` takes it."""
    today = local_day(datetime.now(UTC), zone)
    tables = [
        expected_days(dataset.name, of_kinds(devices, dataset.device_kinds), EARLIEST, today, zone)
        for dataset in daily_datasets()
    ]
    return pa.concat_tables(tables)


def _starts(devices: Devices, everything: Sequence[Device], zone: str) -> dict[str, str]:
    """Give the first day of each dataset: how far back one kind is looked for tells of no other."""
    starts = {}
    for dataset in daily_datasets():
        chosen = of_kinds(devices, dataset.device_kinds)
        dated = chosen and all(device.commissioned_at is not None for device in chosen)
        starts[dataset.name] = history_start(chosen if dated else everything, zone).isoformat()
    return starts


def known_state_of(session: Session, devices: Devices, *, refetch: bool = False) -> KnownState:
    """Show datasets what is known."""
    return KnownState(
        lake=session.lake,
        devices=devices,
        account=session.account,
        now=datetime.now(UTC),
        zone=session.zone,
        range_days=session.range_days,
        refetch=refetch,
    )


def last_discovery(lake: Lake) -> Discovery | None:
    """Give the devices as they were last asked for, without a request; None if they never were."""
    at = lake.state.get(_DISCOVERED_AT)
    if at is None:
        return None
    return Discovery(known_devices(lake), (), msgspec.convert(at, datetime))


def known_devices(lake: Lake, lists: Sequence[DeviceList] | None = None) -> Devices:
    """List the devices of the last discovery, without a request."""
    known_state = KnownState(
        lake=lake, devices={}, account="", now=datetime.now(UTC), zone="UTC", range_days=1
    )
    by_kind: dict[DeviceKind, dict[str, Device]] = {}
    with known_state.reading():
        for device_list in device_lists() if lists is None else lists:
            for kind, devices in device_list.devices(known_state).items():
                # What several lists name stands as the first of them has it.
                of_kind = by_kind.setdefault(kind, {})
                for device in devices:
                    of_kind.setdefault(device.device_id, device)
    return {
        kind: tuple(sorted(devices.values(), key=lambda device: device.device_id))
        for kind, devices in by_kind.items()
    }


def history_start(devices: Sequence[Device], zone: str) -> date:
    """Give the day of the earliest commissioning, in the account's time zone."""
    days = [local_day(d.commissioned_at, zone) for d in devices if d.commissioned_at is not None]
    return max(min(days, default=EARLIEST), EARLIEST)


def _once(devices: Devices) -> tuple[Device, ...]:
    return tuple({d.device_id: d for kind in devices.values() for d in kind}.values())


def _is_old(device_list: DeviceList, known_state: KnownState) -> bool:
    fetched = [response.at for response in known_state.answered(device_list.name)]
    return not fetched or known_state.now - max(fetched) > _LISTS_LAST


def _raise_if_fatal(report: IngestionReport) -> None:
    """Raise what makes it pointless to continue."""
    if report.stopped is not None:
        raise report.stopped
    if report.dataset == COMMUNICATION_DEVICES.name:
        for result in report.failures:
            # Chargers and smart devices need not the scope that inverters need.
            if result.error is not None and not isinstance(result.error, ForbiddenError):
                raise result.error
