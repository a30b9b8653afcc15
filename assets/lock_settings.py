"""Lock settings: the account's own configuration of locking.

Source: version 1.53 of the API, which does not document the leaves: `extra_fields` has them as
sent, except those that could be about people ([personal data](../docs/personal-data.md)).

Grain: account and setting, with history. An answer that is one object is one row, named `0`.

Requests: one per week.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from assets.framework import (
    Cadence,
    KnownState,
    Request,
    ResponseShape,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
    Undocumented,
    as_flag,
    flag,
    history_columns,
    names_of,
    table_schema,
    text,
    told,
    versioned_columns,
    versioned_fields,
)
from givenergy.endpoints.lock_endpoints import LOCK_SETTINGS
from warehouse.archive import ArchivedResponse

_NAMES = ("key", "type", "id")

TABLE = Table(
    name="lock_settings",
    description="The account's configuration of locking, one row per account, setting and version.",
    schema=table_schema(
        {
            "account": text("Account", "The account as an opaque key.", nullable=False),
            "setting": text(
                "Setting",
                "Its name in the answer, or its `type` or `id`: the first that differs between"
                " all; else its position.",
                nullable=False,
            ),
            "is_enabled": flag("Enabled", "From `is_enabled`, `enabled` or `value`."),
            **versioned_fields(),
            **history_columns(),
        }
    ),
    key=("account", "setting"),
    unversioned_columns=("extra_fields",),
)


class LockSettings(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "lock_settings"
    version = 1
    endpoint = LOCK_SETTINGS
    group = "accounts"
    row_type = Undocumented
    shape = ResponseShape.OPEN
    output_tables = (TABLE,)
    cadence = Cadence.WEEKLY
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the configuration."""
        yield Request()

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        return {
            "account": pa.repeat(pa.scalar(response.account), len(rows.values)),
            "setting": pa.array(names_of(rows, _NAMES), pa.string()),
            "is_enabled": pa.array(
                told(rows, ("is_enabled", "enabled", "value"), as_flag), pa.bool_()
            ),
            **versioned_columns(rows),
        }


DATASET = LockSettings()
