"""Decoding of JSON so that encoding it again loses nothing."""

from __future__ import annotations

import math
from typing import Any

import msgspec

__all__ = ["decode_json"]


def decode_json(body: bytes) -> Any:
    """Return the value of a JSON text.

    A number above 1e308, which no float can hold, becomes a `msgspec.Raw` of its text.

    Raises:
        msgspec.DecodeError: If it is not JSON.
        UnicodeDecodeError: If it is not UTF-8.
    """
    return _DECODER.decode(body)


def _number(text: str) -> float | msgspec.Raw:
    value = float(text)
    return value if math.isfinite(value) else msgspec.Raw(text.encode())


_DECODER = msgspec.json.Decoder(float_hook=_number)
