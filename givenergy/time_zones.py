"""Time zones by their IANA names.

What the API or an owner gives as a zone is checked here before it is used: Windows names, offsets,
numbers and nulls are no zones.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from zoneinfo import available_timezones

__all__ = ["usable_zone"]

# Names in the folders of the operating system that depend on the machine, or stand for no place.
_NOT_ZONES = frozenset({"localtime", "Factory", "posixrules"})


def usable_zone(value: object) -> str | None:
    """Return the IANA name of a time zone, None if the value is not one.

    Blanks around a name and its letter case do not matter, as no two names differ in case only.
    """
    if not isinstance(value, str):
        return None
    name = value.strip()
    return name if name in _names() else _by_folded_name().get(name.casefold())


@cache
def _names() -> frozenset[str]:
    try:
        # One small file; listing the operating system's folders takes 50 times as long.
        names = files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    except (ModuleNotFoundError, FileNotFoundError):
        names = list(available_timezones())
    return frozenset(names) - _NOT_ZONES


@cache
def _by_folded_name() -> dict[str, str]:
    return {name.casefold(): name for name in _names()}
