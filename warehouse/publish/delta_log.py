"""The log of a published table: its files, its columns, and commits to it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from warehouse.errors import PublishError
from warehouse.publish.delta_target import DeltaTarget
from warehouse.publish.published_part import (
    ACCOUNT,
    MONTH,
    HeldFile,
    PublishedTable,
)

if TYPE_CHECKING:
    from deltalake import CommitProperties, DeltaTable
    from deltalake.transaction import AddAction, RemoveAction

# Logs are short, so that a reader needs few requests; old ones go with the files that they name.
_REMOVED_FILES = "delta.deletedFileRetentionDuration"
_CONFIGURATION = {
    "delta.checkpointInterval": "20",
    "delta.logRetentionDuration": "interval 7 days",
    _REMOVED_FILES: "interval 7 days",
}
_COMMENTS = {
    ACCOUNT: "The account: its name, or an opaque key",
    MONTH: "Month of the row's time in UTC, in a mart of its local date; part of the path",
}


def inputs_of(account: str) -> str:
    """Return under which name a table's log records what an account's rows were computed from."""
    return f"givlake-inputs-{_unnamed(account)}"


def owner_of(account: str) -> str:
    """Return under which name a table's log records whose account it is that has a name."""
    return f"givlake-owner-{_unnamed(account)}"


def number_of(texts: Iterable[str]) -> int:
    """Return a number for the log that is another one if one of the texts is."""
    digest = hashlib.sha256("\n".join(texts).encode()).digest()
    return int.from_bytes(digest[:8]) >> 1


def _unnamed(account: str) -> str:
    # A hash, since the log keeps it when the account is forgotten.
    return hashlib.sha256(account.encode()).hexdigest()[:16]


def files_of(table: DeltaTable | None) -> list[HeldFile]:
    """Return the files that a table consists of."""
    if table is None:
        return []
    actions = pa.table(table.get_add_actions(flatten=True))
    columns = {"path", "size_bytes", "num_records", f"partition.{ACCOUNT}", f"partition.{MONTH}"}
    kept = actions.select([name for name in actions.column_names if name in columns])
    return [HeldFile.of(action) for action in kept.to_pylist()]


def with_partition_columns(table: PublishedTable) -> pa.Schema:
    """Return all columns of a table in the target."""
    schema = table.schema
    for name in table.partition_columns:
        schema = schema.append(pa.field(name, pa.string(), metadata={"comment": _COMMENTS[name]}))
    return schema


def refuse_other_types(target: DeltaTarget, table: PublishedTable, held: DeltaTable) -> None:
    """Refuse to write columns into a table that has them with other types.

    Raises:
        PublishError: It has.
    """
    old = pa.schema(held.schema())
    for column in with_partition_columns(table):
        if column.name not in old.names:
            continue
        was = old.field(column.name).type
        if was != column.type:
            raise PublishError(
                f"{table.name}.{column.name} is {was} in {target.url} and {column.type} here:"
                f" publish to another target, or remove {target.table_url(table.name)} and have"
                " every account publish again"
            )


def grow_schema(target: DeltaTarget, table: PublishedTable, held: DeltaTable) -> int:
    """Add the columns that a table in the target lacks; return the number of commits.

    Columns that it has and the data folder has not stay, and are null in new rows.
    """
    from deltalake import Schema

    refuse_other_types(target, table, held)
    new = [field for field in table.schema if field.name not in pa.schema(held.schema()).names]
    if not new:
        return 0
    held.alter.add_columns(Schema.from_arrow(pa.schema(new)).fields)
    return 1


def create(
    target: DeltaTarget,
    table: PublishedTable,
    added: Sequence[AddAction],
    numbers: Mapping[str, int],
) -> None:
    """Create a table with its first files, in one commit.

    Args:
        target: Where.
        table: The table.
        added: Files that were written.
        numbers: Numbers to record, by name.
    """
    from deltalake import Schema
    from deltalake.transaction import create_table_with_add_actions

    create_table_with_add_actions(
        target.table_url(table.name),
        Schema.from_arrow(with_partition_columns(table)),
        list(added),
        mode="error",
        partition_by=table.partition_columns,
        name=table.name,
        description=table.description,
        configuration=_CONFIGURATION,
        storage_options=target.options or None,
        commit_properties=_properties(numbers),
    )


def append(
    held: DeltaTable,
    added: Iterable[AddAction],
    removed: Iterable[HeldFile],
    numbers: Mapping[str, int],
) -> None:
    """Add and remove files in one commit.

    Args:
        held: The table, in the state by which the files were chosen.
        added: Files that were written.
        removed: Files that it consists of.
        numbers: Numbers to record, by name.

    Raises:
        CommitFailedError: Files were removed by another commit since.
    """
    held.create_write_transaction(
        [*added, *map(_removal, removed)],
        mode="append",
        schema=held.schema(),
        partition_by=held.metadata().partition_columns,
        commit_properties=_properties(numbers),
    )


def repair_retention(held: DeltaTable) -> None:
    """Set the usual retention again after a removal that was killed in between."""
    if held.metadata().configuration.get(_REMOVED_FILES) != _CONFIGURATION[_REMOVED_FILES]:
        set_retention(held, is_none=False)


def set_retention(held: DeltaTable, *, is_none: bool) -> None:
    """Set for how long checkpoints name removed files: as usual, or not at all."""
    usual = _CONFIGURATION[_REMOVED_FILES]
    held.alter.set_table_properties({_REMOVED_FILES: "interval 0 seconds" if is_none else usual})


def _properties(numbers: Mapping[str, int]) -> CommitProperties:
    from deltalake import CommitProperties, Transaction

    # Of two commits at once that record the same number, Delta refuses one.
    return CommitProperties(app_transactions=[Transaction(*each) for each in numbers.items()])


def _removal(file: HeldFile) -> RemoveAction:
    from deltalake.transaction import RemoveAction

    return RemoveAction(file.path, True, time.time_ns() // 1_000_000, file.size_bytes)
