"""Keeping personal data and secrets out of everything that is written.

On endpoints that carry such data only an allow-list of leaves stays; of every other leaf the path
remains, with the JSON type or a pseudonym in place of the value. Texts lose the token. What is
allowed stands at the endpoints, what the owner adds in `personal`; a change of what this module
does raises `REDACTION_VERSION`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

__all__ = ["REDACTION_VERSION", "Redaction", "is_secret", "scrub"]

REDACTION_VERSION = 2

_PSEUDONYM_DIGITS = 16
_PAGING = frozenset({"page", "pageSize"})
_CREDENTIALS = re.compile(r"//[^/\s@]+@")
_BEARER = re.compile(r"(?i)bearer\s+[\w.~+/|=-]+")
# The key to a smart device, however it is spelt.
_SECRET = re.compile(rb"(?i)local[_-]?key")
_SECRET_LEAF = re.compile(r'(?i)("local[_-]?key"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^,}\]\s]*)')


def is_secret(name: str) -> bool:
    """Whether a leaf of this name must never be written, whatever the owner allows."""
    return _SECRET.search(name.encode()) is not None


@dataclass(frozen=True, slots=True)
class Redaction:
    """What may be written of one endpoint's bodies and parameters.

    Paths are dotted, with `[]` for the elements of a list or of an object keyed 0, 1, ...:
    `data.id`, `data[].serial`. Leaves that are left out become `{"redacted": "string"}` and so
    on; nulls stay, they tell nothing.

    Attributes:
        keep: The leaves that stay; None keeps all but secrets.
        pseudonymise: The leaves that become `{"pseudonym": "16 hex digits"}`.
        plain: Values that need no pseudonym, in capitals.
        key: Makes pseudonyms that nobody without it can try out; without a key such leaves are
            left out like the others.
    """

    keep: frozenset[str] | None
    pseudonymise: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    key: bytes | None = field(default=None, repr=False)

    def body(self, body: bytes) -> tuple[bytes, int | None]:
        """The JSON body as it may be written, and the version of the rules applied to it.

        The version is None for a body that stays as it was received.

        Raises:
            msgspec.DecodeError: If the body is no JSON.
        """
        # The first look is five times as fast, at bodies of up to a megabyte.
        if self.keep is None and not (b"local" in body.lower() and _SECRET.search(body)):
            return body, None
        return msgspec.json.encode(self._walk(msgspec.json.decode(body), "")), REDACTION_VERSION

    def params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Query and body parameters by the same rules."""
        return {
            name: value if name in _PAGING else self._child(name, value, f"params.{name}")
            for name, value in params.items()
        }

    def _walk(self, value: Any, path: str) -> Any:
        if isinstance(value, dict):
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
        return _left_out(value)

    def _child(self, name: str, value: Any, path: str) -> Any:
        return _left_out(value) if is_secret(name) else self._walk(value, path)

    def _pseudonym(self, value: Any) -> Any:
        # Chargers tell ID tags apart without regard to case (OCPP 1.6, IdToken).
        text = str(value).strip().upper()
        if not text or text in self.plain:
            return value
        if self.key is None:
            return _left_out(value)
        digest = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        return {"pseudonym": digest[:_PSEUDONYM_DIGITS]}


def scrub(text: str, *secrets: str) -> str:
    """The text without the given secrets, keys of devices, bearer tokens and credentials."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    text = _SECRET_LEAF.sub(r'\1"***"', text)
    return _CREDENTIALS.sub("//***@", _BEARER.sub("Bearer ***", text))


def _left_out(value: Any) -> Any:
    kinds = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        dict: "object",
        list: "array",
        tuple: "array",
    }
    return None if value is None else {"redacted": kinds[type(value)]}
