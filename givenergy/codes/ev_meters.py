"""Codes of an EV charger's meter data: meters, measurands, units, and how units compare.

API documentation, EV Charger, Meter Data. Values of one kind come in several units (watts and
kilowatts in the same list), so each is brought to one unit before it is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from givenergy.codes.code import table

__all__ = ["CODES", "MEASURAND_UNIT", "UNIT_NORMALISATION", "Normalisation"]


class Normalisation(NamedTuple):
    """How a value is brought to the unit of its kind: value x `factor` + `offset`, in `unit`."""

    unit: str
    factor: float = 1.0
    offset: float = 0.0


EV_METER = table(
    "ev_meter",
    (
        ("0", "EV Charger", "Inside the charger."),
        ("1", "Grid Meter", "An EM115 at the grid connection, where there is one."),
        ("2", "PV 1 Meter", "An EM115 at the first solar source, where there is one."),
        ("3", "PV 2 Meter", "An EM115 at the second solar source, where there is one."),
    ),
)

MEASURAND = table(
    "measurand",
    (
        ("0", "Current.Export", "Current out of the vehicle, at this moment."),
        ("1", "Current.Import", "Current into the vehicle, at this moment."),
        ("2", "Current.Offered", "Highest current the vehicle may take."),
        ("3", "Energy.Active.Export.Register", "Counter of energy out of the vehicle."),
        ("4", "Energy.Active.Import.Register", "Counter of energy into the vehicle."),
        ("5", "Energy.Reactive.Export.Register", "Counter of reactive energy out of the vehicle."),
        ("6", "Energy.Reactive.Import.Register", "Counter of reactive energy into the vehicle."),
        ("7", "Energy.Active.Export.Interval", "Energy out of the vehicle since the last reading."),
        ("8", "Energy.Active.Import.Interval", "Energy into the vehicle since the last reading."),
        (
            "9",
            "Energy.Reactive.Export.Interval",
            "Reactive energy out of the vehicle since the last reading.",
        ),
        (
            "10",
            "Energy.Reactive.Import.Interval",
            "Reactive energy into the vehicle since the last reading.",
        ),
        ("11", "Frequency", "Frequency of the mains, at this moment."),
        ("12", "Power.Active.Export", "Power out of the vehicle, at this moment."),
        ("13", "Power.Active.Import", "Power into the vehicle, at this moment."),
        ("14", "Power.Factor", "Active as a part of apparent power, at this moment."),
        ("15", "Power.Offered", "Highest power the vehicle may take."),
        ("16", "Power.Reactive.Export", "Reactive power out of the vehicle, at this moment."),
        ("17", "Power.Reactive.Import", "Reactive power into the vehicle, at this moment."),
        ("18", "RPM", "Turns of the fan in a minute."),
        ("19", "SoC", "How full the vehicle's battery is."),
        ("20", "Temperature", "Temperature inside the charger."),
        ("21", "Voltage", "Voltage of the mains, at this moment."),
    ),
)

UNIT = table(
    "unit",
    (
        ("0", "Wh", "Watt-hours of energy."),
        ("1", "kWh", "Kilowatt-hours of energy."),
        ("2", "varh", "Var-hours of reactive energy."),
        ("3", "kvarh", "Kilovar-hours of reactive energy."),
        ("4", "W", "Watts of power."),
        ("5", "kW", "Kilowatts of power."),
        ("6", "VA", "Volt-amperes of apparent power."),
        ("7", "kVA", "Kilovolt-amperes of apparent power."),
        ("8", "var", "Vars of reactive power."),
        ("9", "kvar", "Kilovars of reactive power."),
        ("10", "A", "Amperes of current."),
        ("11", "V", "Volts."),
        ("12", "Celsius", "Degrees Celsius."),
        ("13", "Fahrenheit", "Degrees Fahrenheit."),
        ("14", "K", "Kelvins."),
        ("15", "Percent", "Hundredths of the whole."),
    ),
)

UNIT_NORMALISATION: Mapping[str, Normalisation] = MappingProxyType(
    {
        "0": Normalisation("Wh"),
        "1": Normalisation("Wh", 1000.0),
        "2": Normalisation("varh"),
        "3": Normalisation("varh", 1000.0),
        "4": Normalisation("W"),
        "5": Normalisation("W", 1000.0),
        "6": Normalisation("VA"),
        "7": Normalisation("VA", 1000.0),
        "8": Normalisation("var"),
        "9": Normalisation("var", 1000.0),
        "10": Normalisation("A"),
        "11": Normalisation("V"),
        "12": Normalisation("°C"),
        "13": Normalisation("°C", 5 / 9, -160 / 9),
        "14": Normalisation("°C", 1.0, -273.15),
        "15": Normalisation("%"),
    }
)

# The unit that values of a measurand come to; None has none. It is also the likely one where the
# unit is null: for energy OCPP 1.6 says so (SampledValue), for the others it is a guess.
MEASURAND_UNIT: Mapping[str, str | None] = MappingProxyType(
    {
        "0": "A",
        "1": "A",
        "2": "A",
        "3": "Wh",
        "4": "Wh",
        "5": "varh",
        "6": "varh",
        "7": "Wh",
        "8": "Wh",
        "9": "varh",
        "10": "varh",
        "11": "Hz",
        "12": "W",
        "13": "W",
        "14": None,
        "15": "W",
        "16": "var",
        "17": "var",
        "18": "rpm",
        "19": "%",
        "20": "°C",
        "21": "V",
    }
)

CODES = (*EV_METER, *MEASURAND, *UNIT)
