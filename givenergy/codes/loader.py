"""Load and validate the code tables, which are CSV files beside this module.

- `codes.csv`: a row per code of a domain, in the order of the documentation; `since` is the version
  of the API whose documentation first lists it, `source` is `documented`, or `observed` for a code
  that none of them lists (with `since` 1.26).
- `charger_modes.csv`: a row per charger mode that a configuration or installation mode offers.
- `code_flags.csv`: a row per property of a code.
- `measurand_units.csv`: the unit to which the values of a measurand are converted.
- `unit_conversions.csv`: a row per unit of the API, with its conversion to another.

A file is read when first needed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

FOLDER = Path(__file__).parent
_VERSIONS = ("1.26", "1.35", "1.53")
_SOURCES = ("documented", "observed")
_FLAGS = ("may_have_worked", "without_data")


class CodeTableError(ValueError):
    """A CSV file of the code tables is invalid."""


class Code(NamedTuple):
    """One code: `domain` and `code` are the key; codes are text, numbers written out.

    Attributes:
        domain: The table it belongs to.
        code: What the API sends.
        name: What the documentation calls it; the code itself if it has no other name.
        description: What it means, in our own words.
        since: The version of the API whose documentation first lists it. 1.26 is the first that was
            compared, and also stands for codes that are only in examples and recordings.
    """

    domain: str
    code: str
    name: str
    description: str
    since: str


class UnitConversion(NamedTuple):
    """How a value is converted to `unit`: value x `factor` + `offset`."""

    unit: str
    factor: float
    offset: float


def all_codes() -> tuple[Code, ...]:
    """Return the codes of all domains."""
    return _codes()[0]


def observed_codes() -> frozenset[Code]:
    """Return the codes that responses or examples contain, but the documentation does not list.

    Their domains may have more.
    """
    return _codes()[1]


def domain(name: str) -> tuple[Code, ...]:
    """Return all codes of a domain in the documentation's order, observed ones last."""
    return tuple(code for code in all_codes() if code.domain == name)


@cache
def codes_with_flag(domain: str, flag: str) -> frozenset[str]:
    """Return the codes of a domain that have a flag.

    Args:
        domain: Name of the domain.
        flag: `without_data` for charger commands whose data is always null or an empty list,
            `may_have_worked` for remote-control codes after which the device may have done what
            it was commanded.
    """
    found = set()
    for row in _rows("code_flags.csv", ("domain", "code", "flag"), key=3):
        _require_code(row, row["domain"], row["code"])
        row.require_one_of("flag", _FLAGS)
        if (row["domain"], row["flag"]) == (domain, flag):
            found.add(row["code"])
    return frozenset(found)


@cache
def charger_modes(domain: str) -> Mapping[str, tuple[str, ...]]:
    """Return the charger modes that each mode of a domain offers, as the documentation spells them.

    Args:
        domain: `configuration_mode` or `installation_mode`.
    """
    modes: dict[str, tuple[str, ...]] = {}
    for row in _rows("charger_modes.csv", ("domain", "code", "charger_mode"), key=3):
        _require_code(row, row["domain"], row["code"])
        _require_code(row, "charger_mode", row["charger_mode"])
        if row["domain"] == domain:
            modes[row["code"]] = (*modes.get(row["code"], ()), row["charger_mode"])
    return MappingProxyType(modes)


@cache
def measurand_units() -> Mapping[str, str | None]:
    """Return the unit to which values of each measurand are converted; None for a ratio.

    It is also the likely unit where the API sends null: for energy OCPP 1.6 defines it
    (SampledValue), for the others it is a guess.
    """
    units: dict[str, str | None] = {}
    for row in _rows("measurand_units.csv", ("measurand", "unit"), key=1, optional="unit"):
        _require_code(row, "measurand", row["measurand"])
        units[row["measurand"]] = row["unit"] or None
    return MappingProxyType(units)


@cache
def unit_conversions() -> Mapping[str, UnitConversion]:
    """Return how values in each unit of the API are converted, to be comparable.

    Values of one kind are sent in several units (watts and kilowatts in the same list).
    """
    conversions: dict[str, UnitConversion] = {}
    for row in _rows("unit_conversions.csv", ("unit", "to_unit", "factor", "offset"), key=1):
        _require_code(row, "unit", row["unit"])
        factor, offset = row.number("factor"), row.number("offset")
        conversions[row["unit"]] = UnitConversion(row["to_unit"], factor, offset)
    return MappingProxyType(conversions)


@cache
def _codes() -> tuple[tuple[Code, ...], frozenset[Code]]:
    codes, observed = [], set()
    for row in _rows("codes.csv", (*Code._fields, "source"), key=2):
        row.require_one_of("since", _VERSIONS)
        row.require_one_of("source", _SOURCES)
        code = Code(*(row[name] for name in Code._fields))
        codes.append(code)
        if row["source"] == "observed":
            observed.add(code)
    return tuple(codes), frozenset(observed)


@cache
def _code_keys() -> frozenset[tuple[str, str]]:
    return frozenset(code[:2] for code in all_codes())


class _Row(dict[str, str]):
    """One row of a file, which knows its place for error messages."""

    def __init__(self, file: str, line: int, fields: Mapping[str, str]) -> None:
        super().__init__(fields)
        self._place = f"{file}, line {line}"

    def error(self, problem: str) -> CodeTableError:
        return CodeTableError(f"{self._place}: {problem}.")

    def require_one_of(self, name: str, values: tuple[str, ...]) -> None:
        if self[name] not in values:
            raise self.error(f"{name} is {self[name]!r}, expected one of {', '.join(values)}")

    def number(self, name: str) -> float:
        # Imported here as it takes longer than the rest of the package, and few need it.
        from fractions import Fraction

        try:
            return float(Fraction(self[name]))
        except (ValueError, ZeroDivisionError):
            raise self.error(f"{name} is {self[name]!r}, expected a number") from None


def _require_code(row: _Row, domain: str, code: str) -> None:
    if (domain, code) not in _code_keys():
        raise row.error(f"codes.csv has no code {code!r} in the domain {domain!r}")


def _rows(file: str, columns: tuple[str, ...], *, key: int, optional: str = "") -> Iterator[_Row]:
    """Yield the rows of a file.

    Args:
        file: Name of the file.
        columns: Its columns.
        key: How many of the columns, from the left, identify a row.
        optional: A column that may be empty.

    Raises:
        CodeTableError: If the file is invalid; the message names file and line.
    """
    seen = set()
    with (FOLDER / file).open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream, strict=True)
        if tuple(next(reader, ())) != columns:
            raise CodeTableError(f"{file}, line 1: the columns must be {','.join(columns)}.")
        for fields in reader:
            row = _Row(file, reader.line_num, dict(zip(columns, fields, strict=False)))
            if len(fields) != len(columns):
                raise row.error(f"{len(fields)} fields, expected {len(columns)}")
            for name in columns:
                if name != optional and not row[name].strip():
                    raise row.error(f"{name} is empty")
            identity = tuple(field.upper() for field in fields[:key])
            if identity in seen:
                raise row.error(f"duplicate of an earlier row: {', '.join(fields[:key])}")
            seen.add(identity)
            yield row
