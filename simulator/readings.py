"""What a household does at a moment: powers, what is stored, what its meter has counted.

Belongs here: looking up quarter hours by time. Does not belong here: the energy (``energy``), how
devices report it (``points``, ``ems_rows``, ``grid_meter_rows``).
"""

from dataclasses import dataclass

import numpy as np

from simulator.devices import Device
from simulator.energy import COUNTERS, MWH_PER_KWH, SLOT_S
from simulator.households import Households
from simulator.noise import Floats, Integers

_IMPORT, _EXPORT = COUNTERS.index("import"), COUNTERS.index("export")
_CHARGE, _DISCHARGE = COUNTERS.index("charge"), COUNTERS.index("discharge")


@dataclass(frozen=True, slots=True)
class Readings:
    """Equally long arrays. Battery is positive when it discharges, grid when it exports."""

    solar_w: Floats
    battery_w: Floats
    load_w: Floats
    inverter_w: Floats
    grid_w: Floats
    stored_kwh: Floats
    imported_kwh: Floats
    exported_kwh: Floats


def readings(households: Households, device: Device, ordinal: int, times_s: Integers) -> Readings:
    """What happens at times (UTC epoch seconds) within the local day ``ordinal``."""
    slots = households.day(device, ordinal)
    elapsed = times_s - households.calendar.span(ordinal).start_s
    slot = elapsed // SLOT_S
    part = elapsed % SLOT_S / SLOT_S
    energies = slots.energies()[0]
    before = np.vstack([np.zeros(len(COUNTERS), np.int64), np.cumsum(energies, axis=0)])
    today = (before[slot] + energies[slot] * part[:, None]) / MWH_PER_KWH
    total = households.of(device).counters_before(ordinal) / MWH_PER_KWH + today
    inverter, load = slots.inverter[0][slot], slots.load[0][slot]
    return Readings(
        solar_w=slots.solar[0][slot],
        battery_w=slots.battery[0][slot],
        load_w=load,
        inverter_w=inverter,
        grid_w=inverter - load,
        stored_kwh=slots.charge_kwh_at_start[0] + today[:, _CHARGE] - today[:, _DISCHARGE],
        imported_kwh=total[:, _IMPORT],
        exported_kwh=total[:, _EXPORT],
    )


def as_written(value: float, digits: int = 15) -> float | int:
    """A number as the real API writes it: rounded, a whole one as an integer."""
    rounded = round(value, digits)
    return int(rounded) if rounded == int(rounded) else rounded
