"""The JSON of a communication device; `device_tables` has the columns."""

from typing import Any

import msgspec

from assets.framework import (
    Int64,
    Wire,
)


class Capacity(Wire):
    """Capacity of a battery module in Ah."""

    full: float | None = None
    design: float | None = None


class BatteryModule(Wire):
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
    """Devices connected to an inverter."""

    datalog: Any = None
    batteries: list[BatteryModule] | None = None
    meters: list[Meter] | None = None


class NominalBattery(Wire):
    """Nominal values of an inverter's batteries."""

    nominal_capacity: float | None = None
    nominal_voltage: float | None = None
    depth_of_discharge: float | None = None


class Info(Wire):
    """Model and ratings of an inverter."""

    battery_type: str | None = None
    battery: NominalBattery = msgspec.field(default_factory=NominalBattery)
    model: str | None = None
    max_charge_rate: float | None = None
    max_discharge_rate: float | None = None


class Warranty(Wire):
    """Warranty of an inverter."""

    type: str | None = None
    expiry_date: Any = None


class Firmware(Wire):
    """Firmware versions by processor."""

    ARM: Any = None
    DSP: Any = None


class ListedInverter(Wire):
    """An inverter, or an EMS."""

    serial: str | None = None
    status: str | None = None
    # Of any type: a device must not be lost because one of its dates is none.
    last_online: Any = None
    last_updated: Any = None
    commission_date: Any = None
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
    commission_date: Any = None
    inverter: ListedInverter = msgspec.field(default_factory=ListedInverter)
    site_id: Int64 | None = None
