"""A least-recently-used cache.

Belongs here: the cache. Does not belong here: what is kept in it, and locks.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class LruCache(Generic[K, V]):
    """The most recently used values, at most `size` of them. Not locked."""

    size: int
    values: OrderedDict[K, V] = field(default_factory=OrderedDict)

    def get(self, key: K) -> V | None:
        """Return the value, which counts as used now; None if there is none."""
        value = self.values.get(key)
        if value is not None:
            self.values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> V:
        """Keep a value and return it; drop the least recently used one if there are too many."""
        self.values[key] = value
        self.values.move_to_end(key)
        while len(self.values) > self.size:
            self.values.popitem(last=False)
        return value
