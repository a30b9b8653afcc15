"""Tariff automation settings: whether the vendor's scheduler charges by the tariff, and how.

Source: version 1.53 of the API. That the leaves are those which it lets one set is assumed; others
are in `extra_fields` as sent, except those that could identify the customer of the tariff
([personal data](../docs/personal-data.md)).

Grain: account, with history.

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
    Wire,
    as_json,
    flag,
    history_columns,
    leaf_columns,
    number,
    table_schema,
    text,
    versioned_columns,
    versioned_fields,
)
from givenergy.endpoints.tariff_endpoints import TARIFF_AUTOMATION_SETTINGS
from warehouse.archive import ArchivedResponse


class _Settings(Wire):
    is_enabled: bool | None = None
    export_price: float | None = None
    slot_overrides: Any = None


TABLE = Table(
    name="tariff_automation_settings",
    description="Settings of the tariff's automation, one row per account and version.",
    schema=table_schema(
        {
            "account": text("Account", "The account as an opaque key.", nullable=False),
            "is_enabled": flag("Enabled", "Whether the automation is on.", "is_enabled"),
            "export_price": number(
                "Export price", "Price of export; its unit is not documented.", "export_price"
            ),
            "slot_overrides": text(
                "Slot overrides", "JSON of the times planned by hand.", "slot_overrides"
            ),
            **versioned_fields(),
            **history_columns(),
        }
    ),
    key=("account",),
    unversioned_columns=("extra_fields",),
)


class TariffAutomationSettings(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "tariff_automation_settings"
    version = 1
    endpoint = TARIFF_AUTOMATION_SETTINGS
    group = "accounts"
    row_type = _Settings
    shape = ResponseShape.OPEN_ROW
    output_tables = (TABLE,)
    cadence = Cadence.WEEKLY
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the settings."""
        yield Request()

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        return {
            "account": pa.repeat(pa.scalar(response.account), len(rows.values)),
            **leaf_columns(TABLE.schema, rows.values, skip=("slot_overrides",)),
            **leaf_columns(TABLE.schema, rows.values, only=("slot_overrides",), convert=as_json),
            **versioned_columns(rows, ("start_time", "end_time")),
        }


DATASET = TariffAutomationSettings()
