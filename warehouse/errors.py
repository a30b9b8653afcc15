"""Errors of the stores, grouped by what the user can do about them.

Every message is one sentence that names the problem, the value and the fix.
"""

from __future__ import annotations

from pathlib import Path


class WarehouseError(Exception):
    """Base class of all errors raised by this package."""


class StoreError(WarehouseError):
    """The data folder cannot be used as it is: fix what the message names, then run again."""


class ReadOnlyError(StoreError):
    """An attempt to write into a data folder that was opened for reading."""

    def __init__(self, path: Path) -> None:
        """Describe the path that cannot be written."""
        super().__init__(f"{path} cannot be written by a command that only reads")


class VersionError(StoreError):
    """The stores were written by another version of givlake, which this one cannot use."""


class LockTimeoutError(WarehouseError):
    """Another process holds a lock longer than the caller waits for it."""


class DamagedError(WarehouseError):
    """The content of a stored file differs from what was written to it."""


class ArchiveDamagedError(DamagedError):
    """An archive file is damaged; the responses it lost are fetched again.

    Attributes:
        name: Name of the file.
    """

    def __init__(self, name: str, message: str) -> None:
        """Describe the damage of the file `name`."""
        super().__init__(message)
        self.name = name


class AccountingError(WarehouseError):
    """A decoder lost or invented rows: rows in differ from rows in tables plus rows quarantined."""


class PublishError(WarehouseError):
    """The target does not have what it should: the next publication goes on where this ended."""


class TargetError(PublishError):
    """The store of the target cannot be reached, or refuses what is asked of it."""
