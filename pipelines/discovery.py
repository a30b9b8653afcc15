"""Which devices the account has, which of them are new, and from when on their history can be had.

One request for the device list; everything else is read from the table it fills.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import msgspec
import pyarrow as pa

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.communication_devices import inverters
from assets.framework.devices import Device, expected_days, local_day
from assets.framework.session import Session
from assets.framework.snapshot import fetch_snapshot
from assets.registry import daily_datasets
from warehouse import Lake, connect, retrying

HISTORY_START = "history_start"
_KNOWN = "known_devices"
_DISCOVERED_AT = "discovered_at"
# The API cannot hold anything older: the vendor's cloud did not exist.
EARLIEST = date(2015, 1, 1)


class UnknownDeviceError(Exception):
    """A device that was asked for is not among those of the account."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The account's devices, and when they were asked for; `new` are those not known before."""

    devices: tuple[Device, ...]
    new: tuple[Device, ...]
    at: datetime

    def choose(self, device_ids: Sequence[str]) -> tuple[Device, ...]:
        """Limit the devices to those named; none named means all.

        Raises:
            UnknownDeviceError: if one of them is not in the account.
        """
        known = {device.device_id: device for device in self.devices}
        for device_id in device_ids:
            if device_id not in known:
                names = ", ".join(sorted(known)[:5]) or "none"
                more = f" and {len(known) - 5} more" if len(known) > 5 else ""
                raise UnknownDeviceError(
                    f"There is no device {device_id!r} in this account: it has {names}{more}."
                )
        return tuple(known[name] for name in device_ids) if device_ids else self.devices


def discover(session: Session) -> Discovery:
    """Ask for the device list, and note what can be expected of each device.

    Raises:
        GivEnergyError: if the list cannot be had.
    """
    fetch_snapshot(session, COMMUNICATION_DEVICES)
    lake = session.lake
    known = msgspec.convert(lake.settings.get(_KNOWN), list[str] | None)
    devices = known_devices(lake)
    today = local_day(datetime.now(UTC), session.zone)
    tables = [
        expected_days(dataset.name, devices, EARLIEST, today, session.zone)
        for dataset in daily_datasets()
    ]
    lake.expect(pa.concat_tables(tables))
    at = datetime.now(UTC)
    lake.settings.set(_KNOWN, [device.device_id for device in devices])
    lake.settings.set(_DISCOVERED_AT, at.isoformat())
    if devices:
        lake.settings.set(HISTORY_START, history_start(devices, session.zone).isoformat())
    new = () if known is None else (d for d in devices if d.device_id not in known)
    return Discovery(devices, tuple(new), at)


def last_discovery(lake: Lake) -> Discovery | None:
    """Give the devices as they were last asked for, without a request; None if they never were."""
    at = lake.settings.get(_DISCOVERED_AT)
    if at is None:
        return None
    return Discovery(known_devices(lake), (), msgspec.convert(at, datetime))


def known_devices(lake: Lake) -> tuple[Device, ...]:
    """List the devices of the last discovery, without a request."""
    with connect(lake) as connection:
        table = retrying(lambda: connection.table(COMMUNICATION_DEVICES.table).to_arrow_table())
    return tuple(inverters(table))


def forget_known(lake: Lake, device_ids: Collection[str]) -> None:
    """Forget that devices were known; one that is still in the account comes back as new."""

    def remove(stored: object) -> object:
        known = msgspec.convert(stored or [], list[str])
        return [device_id for device_id in known if device_id not in device_ids]

    lake.settings.update(_KNOWN, remove)


def history_start(devices: Sequence[Device], zone: str) -> date:
    """Give the day of the earliest commissioning, in the account's time zone."""
    days = [local_day(d.commissioned_at, zone) for d in devices if d.commissioned_at is not None]
    return max(min(days, default=EARLIEST), EARLIEST)
