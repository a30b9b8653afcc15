"""Keep personal data and secrets out of everything that is written.

On endpoints with such data only an allow-list of leaves keeps its values; every other leaf is
replaced by its JSON type or by a pseudonym. The token is removed from texts. The allow-lists are
defined at the endpoints; the owner may add entries `endpoint:leaf`, such as `sites:data[].name`, or
`endpoint:*` for all leaves. A change of what this module does raises `REDACTION_VERSION`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from givenergy.endpoints import ENDPOINTS
from givenergy.endpoints.definition import Endpoint
from givenergy.json_decoding import decode_json

__all__ = ["REDACTION_VERSION", "Redaction", "checked_entries", "redaction_of", "scrub"]

REDACTION_VERSION = 4

_ALL = "*"
_PSEUDONYM_DIGITS = 16
_PSEUDONYM = re.compile(rf"[0-9a-f]{{{_PSEUDONYM_DIGITS}}}", re.ASCII)
_KINDS = {
    bool: "boolean",
    int: "integer",
    float: "number",
    msgspec.Raw: "number",
    str: "string",
    dict: "object",
    list: "array",
    tuple: "array",
}
_PAGING = frozenset({"page", "pageSize"})
_CREDENTIALS = re.compile(r"//[^/\s@]+@")
_BEARER = re.compile(r"(?i)bearer\s+[\w.~+/|=-]+")
# The key to a smart device, in every spelling.
_SECRET = re.compile(rb"(?i)local[_-]?key")
_SECRET_LEAF = re.compile(r'(?i)("local[_-]?key"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^,}\]\s]*)')
# An integer of more digits can be the number of a meter or contract.
_LONG_INTEGER = 10_000_000
_TIME_OF_DAY = r"\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?"
_ISO_TIME = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}([T ]{_TIME_OF_DAY})?|{_TIME_OF_DAY}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Redaction:
    """The rules for one endpoint's bodies and parameters.

    Paths are dotted, with `[]` for the elements of a list or of an object keyed 0, 1, ...:
    `data.id`, `data[].serial`. Redacted leaves become `{"redacted": "string"}` and so on; nulls
    are kept.

    Attributes:
        keep: The leaves that are kept; None keeps all but secrets.
        keep_values: Whether other leaves are kept as well if they are no text that can be personal.
        pseudonymise: The leaves that become `{"pseudonym": "16 hex digits"}`.
        plain: Values that need no pseudonym, in capitals.
        key: Key of the pseudonyms, without which they cannot be guessed by trying; without a key
            such leaves are redacted like the others.
    """

    keep: frozenset[str] | None
    pseudonymise: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    key: bytes | None = field(default=None, repr=False)
    keep_values: bool = False

    def body(self, body: bytes) -> tuple[bytes, int | None]:
        """Return the JSON body as it may be written, and the version of the rules applied to it.

        The version is None for a body that is returned as received.

        Raises:
            msgspec.DecodeError: If the body is not JSON.
        """
        # The first check is five times as fast, with bodies of up to a megabyte.
        if self.keep is None and not (b"local" in body.lower() and _SECRET.search(body)):
            return body, None
        return msgspec.json.encode(self._walk(decode_json(body), "")), REDACTION_VERSION

    def params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return query and body parameters, redacted by the same rules."""
        return {
            name: value if name in _PAGING else self._child(name, value, f"params.{name}")
            for name, value in params.items()
        }

    def _walk(self, value: Any, path: str) -> Any:
        if isinstance(value, dict):
            if _is_replacement(value):
                return value
            if all(name.isdigit() for name in value):
                return {name: self._walk(child, f"{path}[]") for name, child in value.items()}
            below = f"{path}." if path else ""
            return {name: self._child(name, child, below + name) for name, child in value.items()}
        if isinstance(value, list | tuple):
            return [self._walk(child, f"{path}[]") for child in value]
        if value is None or self.keep is None or path in self.keep:
            return value
        if path in self.pseudonymise:
            return self._pseudonym(value)
        return value if self.keep_values and _is_plain_value(value) else _redacted(value)

    def _child(self, name: str, value: Any, path: str) -> Any:
        return _redacted(value) if _is_secret(name) else self._walk(value, path)

    def _pseudonym(self, value: Any) -> Any:
        # Chargers tell ID tags apart without regard to case (OCPP 1.6, IdToken).
        text = str(value).strip().upper()
        if not text or text in self.plain:
            return value
        if self.key is None:
            return _redacted(value)
        digest = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        return {"pseudonym": digest[:_PSEUDONYM_DIGITS]}


def redaction_of(
    endpoint: Endpoint, *, keep_personal: frozenset[str], pseudonym_key: bytes | None
) -> Redaction:
    """Return the endpoint's rules, with the owner's entries added."""
    keep = endpoint.keep
    if keep is not None:
        added = {e.partition(":")[2] for e in keep_personal if e.startswith(f"{endpoint.name}:")}
        keep = None if _ALL in added else keep | added
    return Redaction(
        keep, endpoint.pseudonymise, endpoint.plain, pseudonym_key, endpoint.keep_values
    )


def checked_entries(entries: Iterable[str]) -> frozenset[str]:
    """Return the owner's entries after checking that each names leaves redacted by default.

    Raises:
        ValueError: If one does not; the message names it and the possible entries.
    """
    return frozenset(_checked(entry) for entry in entries)


def _checked(entry: str) -> str:
    name, colon, leaf = entry.partition(":")
    endpoint = ENDPOINTS.get(name)
    if not colon or endpoint is None or endpoint.keep is None:
        personal = ", ".join(sorted(e.name for e in ENDPOINTS.values() if e.keep is not None))
        raise ValueError(
            f"{entry!r} names no endpoint with personal data: write endpoint:leaf or "
            f"endpoint:{_ALL}, with one of {personal}."
        )
    if _is_secret(leaf):
        raise ValueError(f"{entry!r} is the key to a device, which is never kept: remove it.")
    leaves = endpoint.personal | endpoint.pseudonymise
    if leaf != _ALL and leaf not in leaves:
        usable = ", ".join(f"{name}:{known}" for known in [*sorted(leaves), _ALL])
        raise ValueError(f"{entry!r} names no redacted leaf: use one of {usable}.")
    return entry


def scrub(text: str, *secrets: str) -> str:
    """Return the text without the given secrets, device keys, bearer tokens and credentials."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = _SECRET_LEAF.sub(r'\1"***"', text)
    return _CREDENTIALS.sub("//***@", _BEARER.sub("Bearer ***", text))


def _is_secret(name: str) -> bool:
    """Return whether a leaf of this name must never be written, whatever the owner allows."""
    return _SECRET.search(name.encode()) is not None


def _is_plain_value(value: Any) -> bool:
    """Return whether a value is a boolean, a number that is not long, a date or a time."""
    if isinstance(value, str):
        return _ISO_TIME.fullmatch(value) is not None
    if not isinstance(value, int | float):
        return False
    return abs(value) < _LONG_INTEGER or value != int(value)


def _is_replacement(value: Mapping[str, Any]) -> bool:
    """Return whether a value takes the place of another one already: the API is an archive."""
    if value.keys() == {"redacted"}:
        return value["redacted"] in _KINDS.values()
    pseudonym = value.get("pseudonym") if len(value) == 1 else None
    return isinstance(pseudonym, str) and _PSEUDONYM.fullmatch(pseudonym) is not None


def _redacted(value: Any) -> Any:
    if isinstance(value, dict) and "redacted" in value and _is_replacement(value):
        return value
    return None if value is None else {"redacted": _KINDS[type(value)]}
