"""Seeded random numbers: the same key and counter give the same number in every process.

Belongs here: hashing keys and counters into uniform numbers. Does not belong here: what the numbers
are used for. A counter-based hash (SplitMix64) replaces a random generator, because any day of any
device must be computable alone and still equal the one computed among thousands.
"""

import hashlib
import uuid

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def key_of(*parts: object) -> int:
    """Return a 64-bit key that depends on the text of the parts."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def uniform(key: int, counters: npt.ArrayLike) -> Floats:
    """Return numbers in [0, 1), one for each counter, in the counters' shape."""
    with np.errstate(over="ignore"):
        mixed = np.asarray(counters).astype(np.uint64) * _STEP + np.uint64(key)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)


def uniform_of(*parts: object) -> float:
    """Return the number in [0, 1) that belongs to the parts."""
    return key_of(*parts) / float(1 << 64)


def triangular(key: int, counters: npt.ArrayLike) -> Floats:
    """Return numbers in (-1, 1) with a triangular distribution around 0."""
    return uniform(key, counters) - uniform(key ^ 0x5DEECE66D, counters)


def uuid_of(*parts: object) -> str:
    """Return the UUID (version 4) that belongs to the parts."""
    text = "\x1f".join(str(part) for part in parts)
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))
