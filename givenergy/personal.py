"""What an owner may have kept beyond the endpoints' allow-lists.

An entry is `endpoint:leaf`, such as `sites:data[].name`, or `endpoint:*` for all its leaves. Only
the naming of leaves belongs here; how the others are left out does not (see `redaction`).
"""

from __future__ import annotations

from collections.abc import Iterable

from givenergy.endpoints import ENDPOINTS, Endpoint
from givenergy.redaction import Redaction, is_secret

__all__ = ["checked_entries", "redaction_of"]

_ALL = "*"


def checked_entries(entries: Iterable[str]) -> frozenset[str]:
    """The entries, each known to name leaves that are left out by default.

    Raises:
        ValueError: If one does not; the message names it and what can be used.
    """
    return frozenset(_checked(entry) for entry in entries)


def redaction_of(
    endpoint: Endpoint, *, keep_personal: frozenset[str], pseudonym_key: bytes | None
) -> Redaction:
    """The endpoint's rules, widened by the owner's entries."""
    keep = endpoint.keep
    if keep is not None:
        wanted = {e.partition(":")[2] for e in keep_personal if e.startswith(f"{endpoint.name}:")}
        keep = None if _ALL in wanted else keep | wanted
    return Redaction(keep, endpoint.pseudonymise, endpoint.plain, pseudonym_key)


def _checked(entry: str) -> str:
    name, colon, leaf = entry.partition(":")
    endpoint = ENDPOINTS.get(name)
    if not colon or endpoint is None or endpoint.keep is None:
        personal = ", ".join(sorted(e.name for e in ENDPOINTS.values() if e.keep is not None))
        raise ValueError(
            f"{entry!r} names no endpoint with personal data: write endpoint:leaf or "
            f"endpoint:{_ALL}, with one of {personal}."
        )
    if is_secret(leaf):
        raise ValueError(
            f"{entry!r} is the key to a device, which is never kept: take it off the list."
        )
    leaves = endpoint.personal | endpoint.pseudonymise
    if leaf != _ALL and leaf not in leaves:
        usable = ", ".join(f"{name}:{known}" for known in [*sorted(leaves), _ALL])
        raise ValueError(f"{entry!r} names no leaf that is left out: use one of {usable}.")
    return entry
