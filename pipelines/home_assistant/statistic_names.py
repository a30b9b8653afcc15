"""Names of statistics: Home Assistant takes few characters, and devices can be named anything."""

import hashlib
import re
from collections import Counter
from collections.abc import Hashable, Mapping
from typing import TypeVar

SOURCE = "givlake"
_OTHERS = re.compile(r"[^a-z0-9]+")
_MAX_LENGTH = 60
_DIGEST_LENGTH = 8
_Key = TypeVar("_Key", bound=Hashable)


def unique_names(texts: Mapping[_Key, str]) -> dict[_Key, str]:
    """Return a name of `[a-z0-9_]` for each text; those that would share one get a digest.

    Names have no two underscores in a row and none at an end, so that a word can be appended.

    Args:
        texts: Serial numbers and the like, by what they are the name of.
    """
    plain = {key: _OTHERS.sub("_", text.lower()).strip("_") for key, text in texts.items()}
    shared = Counter(plain.values())
    return {
        key: name
        if name and shared[name] == 1 and len(name) <= _MAX_LENGTH
        else f"{name[:_MAX_LENGTH].strip('_') or 'device'}_{_digest(key)}"
        for key, name in plain.items()
    }


def _digest(key: Hashable) -> str:
    text = repr(key).encode("utf-8", "backslashreplace")
    return hashlib.sha256(text).hexdigest()[:_DIGEST_LENGTH]
