"""Inverter presets: which bundles of settings the API offers for an inverter.

Source: API document, section "Inverter Control", "Get Setting Presets".

Grain: inverter and preset, with history. Which preset is in force is not here: to read that is a
command that reaches the inverter.

Requests: one for each inverter and week, if the token has the scope to control inverters.
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
    as_json,
    extra_column,
    extra_fields,
    history_columns,
    integer,
    leaf_columns,
    request_each,
    table_schema,
    text,
)
from givenergy.endpoints import INVERTER_PRESETS
from warehouse import ArchivedResponse


class _Preset(Wire):
    id: Int64 | None = None
    name: str | None = None
    description: str | None = None
    parameters: Any = None


TABLE = Table(
    name="inverter_presets",
    description="The presets that each inverter has, one row for each and version.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            "preset_id": integer("Preset", "Number of the preset.", "id", nullable=False),
            "name": text("Name", "Name of the preset.", "name"),
            "description": text("Description", "What it does, in the API's words.", "description"),
            "parameters": text(
                "Parameters",
                "JSON of its parameters: what each means and may be.",
                "parameters",
            ),
            **extra_fields(),
            **history_columns(),
        }
    ),
    key=("inverter_serial", "preset_id"),
    unversioned_columns=(),
)


class InverterPresets(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "inverter_presets"
    version = 1
    endpoint = INVERTER_PRESETS
    group = "inverters"
    row_type = _Preset
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    cadence = Cadence.WEEKLY
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Ask each inverter."""
        return request_each(state.of(DeviceKind.INVERTER), "inverter")

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Make the columns of one answer."""
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), len(rows.values)),
            **leaf_columns(TABLE.schema, rows.values, skip=("parameters",)),
            **leaf_columns(TABLE.schema, rows.values, only=("parameters",), convert=as_json),
            "extra_fields": extra_column(rows),
        }


DATASET = InverterPresets()
