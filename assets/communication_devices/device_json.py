"""The JSON of a communication device and of what is behind it; what it means is in `tables`."""

from typing import Any

import msgspec

from assets.framework import (
    Int64,
    Wire,
)


class Capacity(Wire):
    """What a battery module holds, in Ah."""

    full: float | None = None
    design: float | None = None


class Battery(Wire):
    """A battery module."""

    module_number: Int64 | None = None
    serial: Any = None
    firmware_version: Any = None
    capacity: Capacity = msgspec.field(default_factory=Capacity)
    cell_count: Int64 | None = None
    has_usb: bool | None = None
    nominal_voltage: float | None = None


class Meter(Wire):
    """A meter on the inverter's bus."""

    address: Int64 | None = None
    serial_number: Any = None
    manufacturer_code: Any = None
    type_code: Any = None
    hardware_version: Any = None
    software_version: Any = None
    baud_rate: Int64 | None = None


class Connections(Wire):
    """What an inverter is connected to."""

    datalog: Any = None
    batteries: list[Battery] | None = None
    meters: list[Meter] | None = None


class NominalBattery(Wire):
    """What the batteries of an inverter are rated for."""

    nominal_capacity: float | None = None
    nominal_voltage: float | None = None
    depth_of_discharge: float | None = None


class Info(Wire):
    """What an inverter is."""

    battery_type: str | None = None
    battery: NominalBattery = msgspec.field(default_factory=NominalBattery)
    model: str | None = None
    max_charge_rate: float | None = None
    max_discharge_rate: float | None = None


class Warranty(Wire):
    """Until when it is under warranty."""

    type: str | None = None
    expiry_date: str | None = None


class Firmware(Wire):
    """Versions by processor."""

    ARM: Any = None
    DSP: Any = None


class Inverter(Wire):
    """An inverter, or an EMS."""

    serial: str | None = None
    status: str | None = None
    last_online: str | None = None
    last_updated: str | None = None
    commission_date: str | None = None
    info: Info = msgspec.field(default_factory=Info)
    warranty: Warranty = msgspec.field(default_factory=Warranty)
    firmware_version: Firmware = msgspec.field(default_factory=Firmware)
    connections: Connections = msgspec.field(default_factory=Connections)
    flags: list[str] | None = None


class CommunicationDevice(Wire):
    """An entry of a list of communication devices."""

    serial_number: str | None = None
    firmware_version: Any = None
    type: str | None = None
    commission_date: str | None = None
    inverter: Inverter = msgspec.field(default_factory=Inverter)
    site_id: Int64 | None = None
