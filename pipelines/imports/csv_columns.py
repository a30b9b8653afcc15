"""What the columns of a CSV file are, as far as their headers say it.

Three kinds of headers say it fully: the API's own paths (`power.solar.power`), the names of the
columns of `inverter_data_points` (`solar_power_w`), and plain words with a unit (`PV Power (W)`).
Powers of grid and battery in plain words are left out: their headers do not say which sign is
which. So are plain energies that do not say since when.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from assets.inverter_data_points.point_columns import SCHEMA

_TIMES = ("time", "timestamp", "datetime", "date time", "date and time")
_SERIALS = ("serial", "serial number", "inverter serial", "inverter serial number")
_UNIT = re.compile(r"^(.*?)\s*[(\[]\s*([^()\[\]]*?)\s*[)\]]\s*$")
_WORDS = re.compile(r"[^a-z0-9%]+")
# Factors from a unit in a header to that of the API.
_POWER = {"w": 1.0, "kw": 1000.0}
_ENERGY = {"kwh": 1.0, "wh": 0.001}
_PERCENT = {"%": 1.0}
_CELSIUS = {"°c": 1.0, "c": 1.0, "celsius": 1.0}
_VOLT, _HERTZ = {"v": 1.0}, {"hz": 1.0}
_PLAIN: dict[str, tuple[str, Mapping[str, float]]] = {
    "pv power": ("power.solar.power", _POWER),
    "solar power": ("power.solar.power", _POWER),
    "consumption power": ("power.consumption.power", _POWER),
    "load power": ("power.consumption.power", _POWER),
    "battery soc": ("power.battery.percent", _PERCENT),
    "battery percent": ("power.battery.percent", _PERCENT),
    "battery percentage": ("power.battery.percent", _PERCENT),
    "state of charge": ("power.battery.percent", _PERCENT),
    "soc": ("power.battery.percent", _PERCENT),
    "battery temperature": ("power.battery.temperature", _CELSIUS),
    "inverter temperature": ("power.inverter.temperature", _CELSIUS),
    "grid voltage": ("power.grid.voltage", _VOLT),
    "grid frequency": ("power.grid.frequency", _HERTZ),
    **{
        f"{words} {period}": (f"{period}.{leaf}", _ENERGY)
        for period in ("today", "total")
        for words, leaf in {
            "pv energy": "solar",
            "solar energy": "solar",
            "grid import": "grid.import",
            "import energy": "grid.import",
            "grid export": "grid.export",
            "export energy": "grid.export",
            "battery charge energy": "battery.charge",
            "battery discharge energy": "battery.discharge",
            "consumption energy": "consumption",
            "consumption": "consumption",
            "ac charge energy": "ac_charge",
        }.items()
    },
}


@dataclass(frozen=True, slots=True)
class CsvColumns:
    """What the columns of a CSV file are, by their number.

    Attributes:
        time: The column of the time; None if there is none.
        is_utc: Whether the header says that the time is UTC.
        serial: The column of the inverter's serial number; None if there is none.
        leaves: The leaf of a data point, and the factor to its unit.
        unknown: The headers of the others.
    """

    time: int | None
    is_utc: bool
    serial: int | None
    leaves: Mapping[int, tuple[str, float]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def csv_columns(header: Sequence[str]) -> CsvColumns:
    """Return what the columns of a header are."""
    time, serial, is_utc = None, None, False
    leaves: dict[int, tuple[str, float]] = {}
    unknown = []
    for number, name in enumerate(header):
        plain, unit = _plain(name)
        if plain in _TIMES and time is None:
            time, is_utc = number, unit in ("utc", "z", "gmt")
        elif plain in _SERIALS and serial is None:
            serial = number
        elif (leaf := _leaf(name, plain, unit)) is not None:
            leaves[number] = leaf
        elif name.strip():
            unknown.append(name.strip())
    if len({leaf for leaf, _ in leaves.values()}) < len(leaves):
        # Two columns for one leaf: which of them is meant is not said.
        unknown += [header[number].strip() for number in leaves]
        leaves = {}
    return CsvColumns(time, is_utc, serial, leaves, tuple(unknown))


def _leaf(name: str, plain: str, unit: str) -> tuple[str, float] | None:
    if (known := _own_names().get(name.strip().casefold())) is not None:
        return known, 1.0
    if plain not in _PLAIN:
        return None
    leaf, factors = _PLAIN[plain]
    factor = factors.get(unit)
    return None if factor is None else (leaf, factor)


def _plain(name: str) -> tuple[str, str]:
    """Return the words of a header, and the unit in brackets behind them."""
    text = name.strip().casefold()
    found = _UNIT.match(text)
    words, unit = (found[1], found[2]) if found else (text, "")
    return _WORDS.sub(" ", words).strip(), unit


@cache
def _own_names() -> dict[str, str]:
    """Return the leaf of each name that says it fully."""
    names = {}
    for name, column in SCHEMA.columns.items():
        if column.source is not None and "." in column.source and name != "pv_arrays":
            for known in (name, column.source, column.source.replace(".", "_")):
                names[known] = column.source
    return names | {"status": "status", "is_metered": "is_metered"}
