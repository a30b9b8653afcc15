"""Devices of the account, and the days for which to request their data.

The newest device lists in the archive name the devices; the dataset modules read them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import pyarrow as pa

from assets.framework.contract.day_range import Range, joined
from warehouse.lake import EXPECTED_SCHEMA

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

    The lists' times are hints: the commissioning can be that of a replaced communication device,
    the last contact out of date. Data that exist outside of them extend both.

    Attributes:
        device_id: Serial number or UUID, as the API's paths take it.
        commissioned_at: The earliest commissioning listed, or earlier data; UTC; None if unknown.
        last_contact_at: The latest contact listed, or later data; UTC; None if unknown or never.
        serial: Its serial number, if that is not what the API's paths take.
        alias: The owner's name for it; None unless the owner keeps it (`docs/personal-data.md`).
    """

    device_id: str
    commissioned_at: datetime | None
    last_contact_at: datetime | None
    serial: str | None = field(default=None, compare=False)
    alias: str | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The name for people: `Garage (CE1234G567)`; the serial number if no alias is known."""
        serial = self.serial or self.device_id
        return f"{self.alias} ({serial})" if self.alias else serial

    def days(self, start: date, end: date, zone: str) -> tuple[date, date]:
        """Limit a range of days to those on which the device is likely to have had data.

        Days before commissioning and after the last contact are requested only if they are named.
        Some devices use UTC days (recorded), so the wider range applies.
        """
        first, last = start, end
        if (time := self.commissioned_at) is not None:
            first = max(start, min(local_day(time, zone), local_day(time, "UTC")))
        if (time := self.last_contact_at) is not None:
            last = min(end, max(local_day(time, zone), local_day(time, "UTC")))
        return first, last

    def united(self, other: "Device") -> "Device":
        """Return the device with the times of both entries, such as of two communication devices.

        An unknown commissioning leaves the other's; an unknown last contact is no limit.
        """
        commissioned = [t for t in (self.commissioned_at, other.commissioned_at) if t is not None]
        one, another = self.last_contact_at, other.last_contact_at
        return replace(
            self,
            commissioned_at=min(commissioned, default=None),
            last_contact_at=None if one is None or another is None else max(one, another),
        )


Devices = Mapping[DeviceKind, Sequence[Device]]


def of_kinds(devices: Devices, kinds: Iterable[DeviceKind]) -> tuple[Device, ...]:
    """Return the devices of the given kinds."""
    return tuple(device for kind in kinds for device in devices.get(kind, ()))


def local_day(time: datetime, zone: str) -> date:
    """Return the day of a time in an IANA time zone."""
    return time.astimezone(ZoneInfo(zone)).date()


def expected_days(
    dataset: str,
    devices: Iterable[Device],
    start: date,
    end: date,
    zone: str,
    named: Mapping[str, Sequence[Range]],
) -> pa.Table:
    """Return the ranges of days between `start` and `end` to request of each device.

    Args:
        dataset: Name of the dataset.
        devices: The devices.
        start: First day.
        end: Last day, inclusive.
        zone: IANA time zone of the days.
        named: By device, ranges to request although the device may have no data then.

    Returns:
        `EXPECTED_SCHEMA`; the ranges of a device do not overlap.
    """
    rows = []
    for device in devices:
        ranges = [device.days(start, end, zone)]
        for first, last in named.get(device.device_id, ()):
            ranges.append((max(first, start), min(last, end)))
        for first, last in joined(ranges):
            rows.append((dataset, device.device_id, first, last, zone, device.last_contact_at))
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(EXPECTED_SCHEMA)
    return pa.table(
        [
            pa.array(column, field.type)
            for column, field in zip(columns, EXPECTED_SCHEMA, strict=True)
        ],
        schema=EXPECTED_SCHEMA,
    )
