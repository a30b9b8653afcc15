"""Devices of the account, and the days for which to request their data.

The newest device lists in the archive name the devices; the dataset modules read them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import pyarrow as pa

from warehouse import EXPECTED_SCHEMA

# No device has data from before this, when the vendor's cloud did not exist.
EARLIEST_DATA = datetime(2015, 1, 1, tzinfo=UTC)


class DeviceKind(StrEnum):
    """Kinds of devices."""

    INVERTER = "inverter"
    EMS = "ems"
    EV_CHARGER = "ev_charger"
    SMART_DEVICE = "smart_device"


@dataclass(frozen=True, slots=True)
class Device:
    """A device.

    Attributes:
        device_id: Serial number or UUID, as the API's paths take it.
        commissioned_at: UTC; None if unknown.
        last_contact_at: UTC; None if unknown or never.
    """

    device_id: str
    commissioned_at: datetime | None
    last_contact_at: datetime | None

    def days(self, start: date, end: date, zone: str) -> tuple[date, date]:
        """Limit a range of days to those on which the device can have had data.

        Days before commissioning and after the last contact have no data and are not requested.
        Some devices use UTC days (recorded), so the wider range applies.
        """
        first, last = start, end
        if (time := self.commissioned_at) is not None:
            first = max(start, min(local_day(time, zone), local_day(time, "UTC")))
        if (time := self.last_contact_at) is not None:
            last = min(end, max(local_day(time, zone), local_day(time, "UTC")))
        return first, last


Devices = Mapping[DeviceKind, Sequence[Device]]


def of_kinds(devices: Devices, kinds: Iterable[DeviceKind]) -> tuple[Device, ...]:
    """Return the devices of the given kinds."""
    return tuple(device for kind in kinds for device in devices.get(kind, ()))


def local_day(time: datetime, zone: str) -> date:
    """Return the day of a time in an IANA time zone."""
    return time.astimezone(ZoneInfo(zone)).date()


def expected_days(
    dataset: str, devices: Iterable[Device], start: date, end: date, zone: str
) -> pa.Table:
    """Return each device's first and last day between `start` and `end` that can have data."""
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
