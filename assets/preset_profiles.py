"""Preset profiles: named sets of presets that an inverter can be set to at once.

Source: version 1.53 of the API, which does not document the leaves: `extra_fields` has them as
sent.

Grain: inverter and profile, with history. Reading them commands nothing.

Requests: one per inverter and week, if the token has the scope to control inverters.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from assets.framework import (
    Cadence,
    DeviceKind,
    KnownState,
    Request,
    ResponseShape,
    RowByRow,
    Rows,
    SnapshotDataset,
    Table,
    Undocumented,
    as_json,
    history_columns,
    names_of,
    request_each,
    table_schema,
    text,
    told,
    versioned_columns,
    versioned_fields,
)
from givenergy.endpoints.control_endpoints import PRESET_PROFILES
from warehouse.archive import ArchivedResponse

_PRESETS = ("presets", "settings", "values", "parameters", "data")

TABLE = Table(
    name="preset_profiles",
    description="The named sets of presets of each inverter, one row per profile and version.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            "profile": text(
                "Profile",
                "Its name: in the answer, or from `name`, `identifier` or `id`, the first that"
                " differs between all; else its position.",
                nullable=False,
            ),
            "presets": text(
                "Presets", f"JSON, from {', '.join(f'`{name}`' for name in _PRESETS)}."
            ),
            **versioned_fields(),
            **history_columns(),
        }
    ),
    key=("inverter_serial", "profile"),
    unversioned_columns=("extra_fields",),
)


class PresetProfiles(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "preset_profiles"
    version = 1
    endpoint = PRESET_PROFILES
    group = "inverters"
    row_type = Undocumented
    shape = ResponseShape.OPEN
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    cadence = Cadence.WEEKLY
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the profiles of each inverter."""
        return request_each(state.devices_of(DeviceKind.INVERTER), "inverter")

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), len(rows.values)),
            "profile": pa.array(names_of(rows, ("key", "name", "identifier", "id")), pa.string()),
            "presets": pa.array(told(rows, _PRESETS, as_json), pa.string()),
            **versioned_columns(rows, ("start_time", "end_time")),
        }


DATASET = PresetProfiles()
