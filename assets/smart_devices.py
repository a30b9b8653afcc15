"""Smart devices of the account, such as smart plugs.

Source: API document, section "Smart Device", "Get Your Smart Devices".

Grain: smart device, with history. `local_key`, which lets anybody nearby control the device, is
removed before archiving and has no column. The alias is redacted and therefore null, unless the
owner keeps it.

Requests: one per page of the list.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
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
    read_sql,
    table_schema,
    text,
)
from givenergy.endpoints.smart_device_endpoints import SMART_DEVICES
from warehouse.archive import ArchivedResponse


class _OtherData(Wire):
    graph_color: str | None = None
    hardware_id: Any = None
    # Declared so that it is not reported as a new field; its value is a secret and never stored.
    local_key: Any = None


class _SmartDevice(Wire):
    uuid: str | None = None
    alias: str | None = None
    other_data: _OtherData = msgspec.field(default_factory=_OtherData)


TABLE = Table(
    name="smart_devices",
    description="Smart devices of the account, one row per item and version.",
    schema=table_schema(
        {
            "device_uuid": text("Smart device", "UUID of the device.", "uuid", nullable=False),
            "alias": text(
                "Alias", "Name given by the owner. Null unless the owner keeps it.", "alias"
            ),
            "graph_color": text(
                "Colour", "Colour of its chart in the portal.", "other_data.graph_color"
            ),
            "hardware_id": text(
                "Hardware", "Hardware ID by the manufacturer.", "other_data.hardware_id"
            ),
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
        """Request the whole list."""
        yield Request()

    def devices(self, state: KnownState) -> Mapping[DeviceKind, Sequence[Device]]:
        """List those that are in the account now; the API does not say since when."""
        devices = [
            Device(row["device_uuid"], None, None, alias=row["alias"])
            for row in state.rows(read_sql("smart_devices_known"))
        ]
        return {DeviceKind.SMART_DEVICE: devices}

    def ids_of(self, element: Mapping[str, Any]) -> Collection[str]:
        """Return the device."""
        return [element["uuid"]] if element.get("uuid") else []

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        return {
            **leaf_columns(TABLE.schema, rows.values, skip=("hardware_id",)),
            **leaf_columns(TABLE.schema, rows.values, only=("hardware_id",), convert=as_text),
            "extra_fields": extra_column(rows),
        }


DATASET = SmartDevices()
