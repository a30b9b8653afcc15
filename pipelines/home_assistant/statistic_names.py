"""Names of statistics: Home Assistant takes few characters, and devices can be named anything."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping

SOURCE = "givlake"
_OTHERS = re.compile(r"[^a-z0-9]+")
_MAX_LENGTH = 60
_DIGEST_LENGTH = 8


def unique_names(texts: Iterable[str]) -> Mapping[str, str]:
    """Return a name of `[a-z0-9_]` for each text; those that would share one get a digest.

    Names have no two underscores in a row and none at an end, so that a word can be appended.

    Args:
        texts: Serial numbers and the like.
    """
    plain = {text: _OTHERS.sub("_", text.lower()).strip("_") for text in texts}
    shared = Counter(plain.values())
    return {
        text: name
        if name and shared[name] == 1 and len(name) <= _MAX_LENGTH
        else f"{name[:_MAX_LENGTH].strip('_') or 'device'}_{_digest(text)}"
        for text, name in plain.items()
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
