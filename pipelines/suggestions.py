"""Suggestions for mistyped names."""

from collections.abc import Iterable
from difflib import get_close_matches

_MOST = 3
# How alike two names are, from 0 to 1: similar, and nearly the same.
_SIMILAR, _NEARLY_SAME = 0.6, 0.85


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the question which of some names was meant; "" if none is similar."""
    by_folded = {one.casefold(): one for one in known}
    for cutoff in (_NEARLY_SAME, _SIMILAR):
        if similar := get_close_matches(name.casefold(), by_folded, _MOST, cutoff):
            *others, last = (by_folded[folded] for folded in similar)
            return f"Did you mean {', '.join(others)}{' or ' if others else ''}{last}?"
    return ""
