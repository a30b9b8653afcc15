"""The contract's code tables: what a code of the API means.

Only what the API documents, or is recorded to send, in words of our own. Which column carries
which code is declared in the datasets' schemas.
"""

from __future__ import annotations

from collections.abc import Iterable

from givenergy.codes import charger_commands, ems, energy_flows, ev_chargers, ev_meters, inverters
from givenergy.codes import platform as platform_codes
from givenergy.codes.code import Code

__all__ = ["CODES", "OBSERVED", "Code", "domain", "lookup"]

CODES: tuple[Code, ...] = (
    *inverters.CODES,
    *ems.CODES,
    *energy_flows.CODES,
    *ev_chargers.CODES,
    *ev_meters.CODES,
    *charger_commands.CODES,
    *platform_codes.CODES,
)

# Seen in answers or in the documentation's examples, but listed nowhere: their domains may have
# more.
OBSERVED: frozenset[Code] = frozenset(
    (*inverters.OBSERVED, *charger_commands.OBSERVED, *platform_codes.OBSERVED)
)


def domain(name: str) -> tuple[Code, ...]:
    """All codes of a domain in the contract's order, observed ones last; empty if unknown."""
    return tuple(code for code in CODES if code.domain == name)


def lookup(codes: Iterable[Code]) -> dict[str, Code]:
    """Codes by their upper-cased text: the API's casing differs between endpoints (recorded)."""
    return {code.code.upper(): code for code in codes}
