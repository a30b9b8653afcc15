"""Inverter presets: the bundles of settings that the API offers for an inverter.

Source: API document, section "Inverter Control", "Get Setting Presets"; later versions of the API
(1.35) add an identifier, by which `inverter_preset_values` reads what a preset is set to.

Grain: inverter and preset, with history.

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
from givenergy.endpoints.control_endpoints import INVERTER_PRESETS
from warehouse.archive import ArchivedResponse


class _Preset(Wire):
    id: Int64 | None = None
    identifier: str | None = None
    name: str | None = None
    description: str | None = None
    parameters: Any = None


TABLE = Table(
    name="inverter_presets",
    description="The presets that each inverter has, one row per item and version.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            "preset_id": integer("Preset", "Number of the preset.", "id", nullable=False),
            "identifier": text(
                "Identifier",
                "Name of the preset in paths, such as timed-charge; null before version 1.35 of the"
                " API.",
                "identifier",
            ),
            "name": text("Name", "Name of the preset.", "name"),
            "description": text("Description", "Description by the API.", "description"),
            "parameters": text(
                "Parameters",
                "JSON of its parameters, their meaning and allowed values.",
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
    version = 2
    endpoint = INVERTER_PRESETS
    group = "inverters"
    row_type = _Preset
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
            **leaf_columns(TABLE.schema, rows.values, skip=("parameters",)),
            **leaf_columns(TABLE.schema, rows.values, only=("parameters",), convert=as_json),
            "extra_fields": extra_column(rows),
        }


DATASET = InverterPresets()
