"""Rates by kind: how often each kind of fault or anomaly happens.

Belongs here: parsing and checking rates, choosing a kind. Does not belong here: what the kinds do.
"""

from collections.abc import Collection, Mapping


def parse_rates(text: str) -> dict[str, float]:
    """Return `"5xx=0.02,reset=0.01"` as rates by kind. Raises `ValueError` for another form."""
    rates = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        kind, _, rate = part.partition("=")
        try:
            rates[kind.strip()] = float(rate)
        except ValueError:
            raise ValueError(f"{part!r} is not a rate; write it like reset=0.01.") from None
    return rates


def check_kind(kind: str, kinds: Collection[str], noun: str) -> None:
    """Raise `ValueError` for an unknown kind."""
    if kind not in kinds:
        raise ValueError(f"Unknown {noun} {kind!r}; use one of {', '.join(kinds)}.")


def check_rates(rates: Mapping[str, float], kinds: Collection[str], noun: str) -> None:
    """Raise `ValueError` for an unknown kind or a rate outside 0..1."""
    for kind, rate in rates.items():
        check_kind(kind, kinds, noun)
        if not 0 <= rate <= 1:
            raise ValueError(f"The rate of {noun} {kind!r} is {rate}; use 0 to 1.")


def choose_kind(chance: float, rates: Mapping[str, float]) -> str | None:
    """Return the kind that a number in [0, 1) hits, or None."""
    for kind, rate in rates.items():
        if chance < rate:
            return kind
        chance -= rate
    return None
