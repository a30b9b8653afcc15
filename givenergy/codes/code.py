"""One code of the API, and how a family of them is written down. The codes stand beside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Code", "table"]


class Code(NamedTuple):
    """One code: `domain` and `code` are the key; codes are text, numbers written out.

    Attributes:
        domain: The table it belongs to.
        code: What the API sends.
        name: What the documentation calls it; where it has no other name, the code itself.
        description: What it means, in words of our own.
    """

    domain: str
    code: str
    name: str
    description: str


def table(domain: str, rows: Iterable[tuple[str, str, str]]) -> tuple[Code, ...]:
    """The codes of a domain, from rows of code, name and description."""
    return tuple(Code(domain, *row) for row in rows)
