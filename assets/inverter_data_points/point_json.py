"""The JSON of a data point; what it means is in `table`. The latest readings are parts of it."""

import msgspec

from assets.framework import (
    Int64,
    Wire,
)


class Array(Wire):
    """A PV array."""

    array: Int64 | None = None
    voltage: float | None = None
    current: float | None = None
    power: float | None = None


class Solar(Wire):
    """PV, as a point and the latest reading have it."""

    power: float | None = None
    arrays: list[Array] | None = None


class Grid(Wire):
    """The grid, as a point and the latest reading have it."""

    voltage: float | None = None
    current: float | None = None
    power: float | None = None
    frequency: float | None = None


class Battery(Wire):
    """The battery, as a point and the latest reading have it."""

    percent: float | None = None
    power: float | None = None
    temperature: float | None = None
    voltage: float | None = None


class _Consumption(Wire):
    power: float | None = None


class Inverter(Wire):
    """The inverter itself, as a point and the latest reading have it."""

    temperature: float | None = None
    power: float | None = None
    output_voltage: float | None = None
    output_frequency: float | None = None
    eps_power: float | None = None


class _Power(Wire):
    solar: Solar = msgspec.field(default_factory=Solar)
    grid: Grid = msgspec.field(default_factory=Grid)
    battery: Battery = msgspec.field(default_factory=Battery)
    consumption: _Consumption = msgspec.field(default_factory=_Consumption)
    inverter: Inverter = msgspec.field(default_factory=Inverter)


class _GridEnergy(Wire):
    import_: float | None = msgspec.field(default=None, name="import")
    export: float | None = None


class _BatteryEnergy(Wire):
    charge: float | None = None
    discharge: float | None = None


class Energy(Wire):
    """Counters of a period, as a point and the latest reading have them."""

    solar: float | None = None
    grid: _GridEnergy = msgspec.field(default_factory=_GridEnergy)
    battery: _BatteryEnergy = msgspec.field(default_factory=_BatteryEnergy)
    consumption: float | None = None
    ac_charge: float | None = None


class Point(Wire):
    """A data point."""

    time: str | None = None
    status: str | None = None
    power: _Power = msgspec.field(default_factory=_Power)
    today: Energy = msgspec.field(default_factory=Energy)
    total: Energy = msgspec.field(default_factory=Energy)
    is_metered: bool | None = None
