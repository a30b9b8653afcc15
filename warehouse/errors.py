"""What can go wrong with the stores, by what one can do about it. Nothing of the API belongs here.

Every message is one sentence that names the thing, its value and what to do.
"""

from __future__ import annotations

from pathlib import Path


class WarehouseError(Exception):
    """Root of all errors raised by this package."""


class StoreError(WarehouseError):
    """The data folder cannot be used as it is: mend what the sentence names, then run again."""


class ReadOnlyError(StoreError):
    """Something was to be written in a data folder that was opened for reading."""

    def __init__(self, path: Path) -> None:
        """Name what was to be written."""
        super().__init__(f"{path} cannot be written by a command that only reads")


class VersionError(StoreError):
    """The stores were written by another version of givlake, which this one cannot work with."""


class LockTimeoutError(WarehouseError):
    """Another process holds a lock for longer than the caller wanted to wait."""


class DamagedError(WarehouseError):
    """A file of the stores does not hold what was written to it."""


class ArchiveDamagedError(DamagedError):
    """A file of the archive is damaged; what it lost is fetched again.

    Attributes:
        name: Name of the file.
    """

    def __init__(self, name: str, sentence: str) -> None:
        """Say what is wrong with the file ``name``."""
        super().__init__(sentence)
        self.name = name


class AccountingError(WarehouseError):
    """A decoder lost or invented rows: rows in differ from rows tabled plus rows quarantined."""
