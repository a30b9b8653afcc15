"""The contract's code tables: what a code of the API means.

Only what the API documents, or is recorded to send, in words of our own. Which column carries
which code is declared in the datasets' schemas.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["CODES", "Code", "domain", "lookup"]


class Code(NamedTuple):
    """One code: `domain` and `code` are the key; codes are text, numbers written out."""

    domain: str
    code: str
    name: str
    description: str


# API documentation, Inverter Data; the last two appear in later versions.
INVERTER_STATUS = (
    Code("inverter_status", "NORMAL", "Normal", "Running and handling power."),
    Code("inverter_status", "WAITING", "Waiting", "Running, with no power to handle."),
    Code("inverter_status", "LOST", "Lost", "Out of contact."),
    Code("inverter_status", "UNKNOWN", "Unknown", "New on the platform; no status sent yet."),
    Code("inverter_status", "ERROR", "Error", "At least one fault; works worse for it."),
    Code("inverter_status", "WARNING", "Warning", "At least one warning; may work as usual."),
    Code("inverter_status", "UPDATING", "Updating", "Installing new firmware."),
    Code("inverter_status", "BYPASS", "Bypass", "Power passes it by."),
    Code("inverter_status", "OFF_GRID", "Off grid", "Feeds the house without the grid."),
    Code("inverter_status", "ON_GRID", "On grid", "Runs in parallel with the grid."),
)

CODES: tuple[Code, ...] = INVERTER_STATUS


def domain(name: str) -> tuple[Code, ...]:
    """All codes of a domain, in the contract's order; empty if there is no such domain."""
    return tuple(code for code in CODES if code.domain == name)


def lookup(codes: Iterable[Code]) -> dict[str, Code]:
    """Codes by their upper-cased text: the API's casing differs between endpoints (recorded)."""
    return {code.code.upper(): code for code in codes}
