"""A part of a published table: the rows of one file, named by a digest of its content.

The name of a file in the target says which part it is and what is in it, so what was published is
known from the target alone.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from warehouse.errors import WarehouseError

ACCOUNT, MONTH = "account", "month"
# Increased when the same rows are written in another form, so that files of before are replaced.
FORM = 1
_FILE = re.compile(
    r"(?:account=(?P<account>[^/]+)/)?(?:month=(?P<month>[^/]+)/)?"
    r"(?P<stem>.+-[0-9a-f]{16})-[0-9a-f]{8}\.parquet"
)


class PartChangedError(WarehouseError):
    """A file was replaced after its manifest was read: read the manifest again."""


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table in the target.

    Attributes:
        name: Its name, and its folder in the target.
        description: One or two sentences.
        schema: Its published columns, without those that it is partitioned by.
        key: The columns with statistics in the log: those that identify a row.
        has_months: Whether it is partitioned by month.
        is_history: Whether its rows do not vanish, unless something is lost.
        is_shared: Whether it is the same for all accounts, and has no column `account`.
    """

    name: str
    description: str
    schema: pa.Schema
    key: tuple[str, ...]
    has_months: bool = False
    is_history: bool = False
    is_shared: bool = False

    @property
    def partition_columns(self) -> list[str]:
        """The columns that it is partitioned by."""
        return [*([] if self.is_shared else [ACCOUNT]), *([MONTH] if self.has_months else [])]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that become one file.

    Attributes:
        name: Its number among the parts of its month, such as `part-0-of-3`.
        digest: A digest of its rows.
        rows: Number of rows.
        size_bytes: About the size of the file.
        read: Returns its rows; raises `PartChangedError` if they have changed.
        month: Its month; "" if the table has none.
    """

    name: str
    digest: str
    rows: int
    size_bytes: int
    read: Callable[[], pa.Table]
    month: str = ""

    def stem(self, table: PublishedTable) -> str:
        """Return what the name of its file begins with: equal content has an equal one."""
        schema = ",".join(f"{field.name}:{field.type}" for field in table.schema)
        text = f"{FORM}\n{schema}\n{self.digest}"
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def new_path(self, table: PublishedTable, account: str) -> str:
        """Return a path for its file that no file has had, relative to the table."""
        folder = "" if table.is_shared else f"{ACCOUNT}={account}/"
        folder += f"{MONTH}={self.month}/" if table.has_months else ""
        return f"{folder}{self.stem(table)}-{uuid.uuid4().hex[:8]}.parquet"


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file that a table in the target consists of.

    Attributes:
        path: Its path, relative to the table.
        size_bytes: Its size.
        rows: Number of rows, if the log has it.
        account: The account that it belongs to; "" in a shared table.
        month: Its month; "" if the table has none.
        stem: What its name begins with; "" if givlake did not write it.
    """

    path: str
    size_bytes: int
    rows: int
    account: str
    month: str
    stem: str

    @classmethod
    def of(cls, action: dict[str, object]) -> HeldFile:
        """Make one of an entry of the log."""
        match = _FILE.fullmatch(str(action["path"]))
        return cls(
            str(action["path"]),
            int(str(action["size_bytes"])),
            int(str(action.get("num_records") or 0)),
            str(action.get(f"partition.{ACCOUNT}") or ""),
            str(action.get(f"partition.{MONTH}") or ""),
            match["stem"] if match else "",
        )
