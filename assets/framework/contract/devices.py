"""The devices of the account as planning sees them: what to ask for, and for which days.

Which devices there are comes from the newest device lists in the archive; the dataset modules say
which of them they are about.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import pyarrow as pa

from warehouse import EXPECTED_SCHEMA


class DeviceKind(StrEnum):
    """What can be asked about."""

    INVERTER = "inverter"
    EMS = "ems"
    EV_CHARGER = "ev_charger"
    SMART_DEVICE = "smart_device"


@dataclass(frozen=True, slots=True)
class Device:
    """A device whose data can be asked for.

    Attributes:
        device_id: serial number or UUID, as the API's paths take it.
        commissioned_at: UTC; None if unknown.
        last_contact_at: UTC; None if it never was in contact or if that is unknown.
    """

    device_id: str
    commissioned_at: datetime | None
    last_contact_at: datetime | None

    def days(self, start: date, end: date, zone: str) -> tuple[date, date]:
        """Limit a range of days to those on which the device can have had data.

        Days before commissioning and after the last contact hold nothing and are not asked for.
        Some devices have UTC days (recorded), so the wider of the two days is taken.
        """
        first, last = start, end
        if (time := self.commissioned_at) is not None:
            first = max(start, min(local_day(time, zone), local_day(time, "UTC")))
        if (time := self.last_contact_at) is not None:
            last = min(end, max(local_day(time, zone), local_day(time, "UTC")))
        return first, last


Devices = Mapping[DeviceKind, Sequence[Device]]


def of_kinds(devices: Devices, kinds: Iterable[DeviceKind]) -> tuple[Device, ...]:
    """Give the devices of some kinds."""
    return tuple(device for kind in kinds for device in devices.get(kind, ()))


def local_day(time: datetime, zone: str) -> date:
    """Give the day of a time in an IANA time zone."""
    return time.astimezone(ZoneInfo(zone)).date()


def expected_days(
    dataset: str, devices: Iterable[Device], start: date, end: date, zone: str
) -> pa.Table:
    """List each device's first and last day between `start` and `end` that can hold data."""
    rows = []
    for device in devices:
        first, last = device.days(start, end, zone)
        if first <= last:
            rows.append((dataset, device.device_id, first, last, zone, device.last_contact_at))
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(EXPECTED_SCHEMA)
    return pa.table(
        [
            pa.array(column, field.type)
            for column, field in zip(columns, EXPECTED_SCHEMA, strict=True)
        ],
        schema=EXPECTED_SCHEMA,
    )
