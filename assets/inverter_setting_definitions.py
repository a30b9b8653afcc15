"""Inverter setting definitions: the settings of an inverter and their allowed values.

Source: API document, section "Inverter Control", "Get Settings List", and the recorded list.

Grain: inverter and setting, with history: firmware adds settings and changes their limits. The
value of a setting is not included: reading it sends a command to the inverter.

Requests: one per inverter and week, if the token has the scope to control inverters.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from assets.framework import (
    Cadence,
    DeviceKind,
    Int64,
    KnownState,
    Request,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
    Wire,
    column,
    extra_column,
    extra_fields,
    history_columns,
    integer,
    leaf_columns,
    request_each,
    table_schema,
    text,
)
from givenergy.endpoints.control_endpoints import INVERTER_SETTINGS
from warehouse.archive import ArchivedResponse


class _Setting(Wire):
    id: Int64 | None = None
    name: str | None = None
    validation: str | None = None
    validation_rules: list[str] | None = None


TABLE = Table(
    name="inverter_setting_definitions",
    description="The settings that each inverter has, one row per item and version.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            "setting_id": integer("Setting", "Number of the setting.", "id", nullable=False),
            "name": text("Name", "Name of the setting.", "name"),
            "validation": text(
                "Allowed values", "Allowed values as text by the API.", "validation"
            ),
            "validation_rules": column(
                pa.list_(pa.string()),
                "Rules",
                "Allowed values as rules, e.g. `between:4,100`.",
                source="validation_rules",
            ),
            **extra_fields(),
            **history_columns(),
        }
    ),
    key=("inverter_serial", "setting_id"),
    unversioned_columns=(),
)


class InverterSettingDefinitions(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "inverter_setting_definitions"
    version = 1
    endpoint = INVERTER_SETTINGS
    group = "inverters"
    row_type = _Setting
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    cadence = Cadence.WEEKLY
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request each inverter."""
        return request_each(state.devices_of(DeviceKind.INVERTER), "inverter")

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), len(rows.values)),
            **leaf_columns(TABLE.schema, rows.values),
            "extra_fields": extra_column(rows),
        }


DATASET = InverterSettingDefinitions()
