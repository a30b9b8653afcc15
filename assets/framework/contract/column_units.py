"""The units of columns, which their names end with."""

_UNITS = {
    "a": "A",
    "ah": "Ah",
    "celsius": "°C",
    "days": "days",
    "gbp": "GBP",
    "h": "h",
    "hz": "Hz",
    "kva": "kVA",
    "kvarh": "kvarh",
    "kwh": "kWh",
    "kw": "kW",
    "minutes": "min",
    "ms": "ms",
    "pence": "pence",
    "percent": "%",
    "s": "s",
    "v": "V",
    "va": "VA",
    "var": "var",
    "w": "W",
    "wh": "Wh",
    "year": "year",
}


def unit_of(column: str) -> str:
    """Return the symbol of a column's unit, such as `kWh` or `pence/kWh`; "" if it has none."""
    amount, _, per = column.partition("_per_")
    unit = _UNITS.get(amount.rpartition("_")[2], "") if "_" in amount else ""
    return f"{unit}/{_UNITS.get(per, per)}" if unit and per else unit
