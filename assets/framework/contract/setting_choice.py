"""Which settings of inverters are read, and how often: the owner's choice, off by default."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class SettingReads:
    """The choice of settings to read.

    Attributes:
        every: How old the value of a setting may get; None: none is read.
        chosen: Numbers or names of the settings, in any capitals; empty: all.
    """

    every: timedelta | None = None
    chosen: Collection[str] = field(default_factory=tuple)

    def includes(self, number: int, name: str | None) -> bool:
        """Return whether a setting is to be read."""
        chosen = {each.casefold() for each in self.chosen}
        return not chosen or str(number) in chosen or (name or "").strip().casefold() in chosen


NO_SETTING_READS = SettingReads()
