"""Keeping personal data and secrets out of everything that is written.

On endpoints that carry such data only an allow-list of leaves stays; of every other leaf the path
remains, with the JSON type in place of the value. Texts lose the token. What is allowed stands at
the endpoints; a change of what this module does raises `REDACTION_VERSION`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

__all__ = ["REDACTION_VERSION", "redact_body", "redact_params", "scrub"]

REDACTION_VERSION = 1

_CREDENTIALS = re.compile(r"//[^/\s@]+@")
_BEARER = re.compile(r"(?i)bearer\s+[\w.~+/|=-]+")


def redact_body(body: bytes, keep: frozenset[str]) -> bytes:
    """The JSON body with every leaf replaced by its type, except those of `keep`.

    Paths are dotted, with `[]` for the elements of a list: `data.id`, `data[].serial`. Replaced
    leaves become `{"redacted": "string"}` and so on; nulls stay, they tell nothing.

    Raises:
        msgspec.DecodeError: If the body is no JSON.
    """
    return msgspec.json.encode(_walk(msgspec.json.decode(body), "", keep))


def redact_params(params: Mapping[str, Any], keep: frozenset[str] | None) -> dict[str, Any]:
    """Query and body parameters by the same rule; with `keep` None they stay as they are."""
    if keep is None:
        return dict(params)
    pages = {"page", "pageSize"}
    return {
        name: value if name in pages else _walk(value, f"params.{name}", keep)
        for name, value in params.items()
    }


def scrub(text: str, *secrets: str) -> str:
    """The text without the given secrets, bearer tokens and credentials in addresses."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return _CREDENTIALS.sub("//***@", _BEARER.sub("Bearer ***", text))


def _walk(value: Any, path: str, keep: frozenset[str]) -> Any:
    if path in keep and not isinstance(value, dict | list):
        return value
    if isinstance(value, dict):
        return {k: _walk(v, f"{path}.{k}" if path else k, keep) for k, v in value.items()}
    if isinstance(value, list):
        return [_walk(v, f"{path}[]", keep) for v in value]
    if value is None:
        return None
    kind = {bool: "boolean", int: "integer", float: "number", str: "string"}[type(value)]
    return {"redacted": kind}
