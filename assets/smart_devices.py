"""Smart devices: plugs and the like that the account has.

Source: API document, section "Smart Device", "Get Your Smart Devices".

Grain: smart device, with history. `local_key`, with which anybody nearby can command the device, is
taken out before the answer is archived and has no column; the alias is the owner's wording and null
unless the owner has it kept.

Requests: one for each page of the list.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

import msgspec
import pyarrow as pa

from assets.framework import (
    Device,
    DeviceKind,
    DeviceList,
    KnownState,
    Request,
    RowByRow,
    Rows,
    Table,
    Wire,
    as_text,
    extra_column,
    extra_fields,
    history_columns,
    leaf_columns,
    table_schema,
    text,
)
from givenergy.endpoints import SMART_DEVICES
from warehouse import ArchivedResponse


class _OtherData(Wire):
    graph_color: str | None = None
    hardware_id: Any = None
    # Known, so that it is no new field; whatever stands here, no column takes it.
    local_key: Any = None


class _SmartDevice(Wire):
    uuid: str | None = None
    alias: str | None = None
    other_data: _OtherData = msgspec.field(default_factory=_OtherData)


TABLE = Table(
    name="smart_devices",
    description="Smart devices of the account, one row for each and version.",
    schema=table_schema(
        {
            "device_uuid": text("Smart device", "UUID of the device.", "uuid", nullable=False),
            "alias": text(
                "Alias", "The owner's name for it. Null unless the owner has it kept.", "alias"
            ),
            "graph_color": text(
                "Colour", "Colour of its curve in the portal.", "other_data.graph_color"
            ),
            "hardware_id": text("Hardware", "What its maker calls it.", "other_data.hardware_id"),
            **extra_fields(),
            **history_columns(),
        }
    ),
    key=("device_uuid",),
    unversioned_columns=(),
)


class SmartDevices(RowByRow, DeviceList):
    """The dataset; see the module's docstring."""

    name = "smart_devices"
    version = 1
    endpoint = SMART_DEVICES
    group = "smart_devices"
    row_type = _SmartDevice
    output_tables = (TABLE,)
    kinds = (DeviceKind.SMART_DEVICE,)
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Ask for the whole list."""
        yield Request()

    def devices(self, state: KnownState) -> Mapping[DeviceKind, Sequence[Device]]:
        """List those that are in the account now; the API does not say since when."""
        sql = resources.files("assets").joinpath("sql", "smart_devices_known.sql").read_text()
        found = [Device(row["device_uuid"], None, None) for row in state.rows(sql)]
        return {DeviceKind.SMART_DEVICE: found}

    def ids_of(self, element: Mapping[str, Any]) -> Collection[str]:
        """Name the device."""
        return [element["uuid"]] if element.get("uuid") else []

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Make the columns of one answer."""
        return {
            **leaf_columns(TABLE.schema, rows.values, skip=("hardware_id",)),
            **leaf_columns(TABLE.schema, rows.values, only=("hardware_id",), convert=as_text),
            "extra_fields": extra_column(rows),
        }


DATASET = SmartDevices()
