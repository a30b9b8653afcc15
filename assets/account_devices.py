"""Account devices: which device belongs to which child account of an installer.

Source: API document, section "Account", "Get Account Dongles by ID".

Grain: account and communication device, with history. Details of the devices are in
`communication_devices` and `inverters` if the installer's own list has them. Devices that only a
child account lists are discovered here and requested like all others.

Requests: one per child account and page of its list.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from assets.communication_devices import DATASET as COMMUNICATION_DEVICES
from assets.communication_devices import kind_of
from assets.communication_devices.device_json import CommunicationDevice
from assets.framework import (
    Device,
    DeviceKind,
    DeviceList,
    KnownState,
    Request,
    RowByRow,
    Rows,
    Table,
    extra_column,
    extra_fields,
    history_columns,
    instant,
    integer,
    leaf_columns,
    optional_times,
    read_sql,
    table_schema,
    text,
)
from givenergy.endpoints.account_endpoints import ACCOUNT_DEVICES
from warehouse.archive import ArchivedResponse

TABLE = Table(
    name="account_devices",
    description="Which device belongs to which child account, one row per item and version.",
    schema=table_schema(
        {
            "account_id": integer("Account", "Number of the child account.", nullable=False),
            "communication_device_serial": text(
                "Communication device",
                "Serial number of the communication device; the inverter's if it has none.",
                "serial_number",
                nullable=False,
            ),
            "inverter_serial": text(
                "Inverter", "Serial number of the connected inverter.", "inverter.serial"
            ),
            "model": text("Model", "Model of the inverter.", "inverter.info.model"),
            "commissioned_at": instant(
                "Commissioned", "Time of commissioning, UTC.", "commission_date"
            ),
            "inverter_commissioned_at": instant(
                "Inverter commissioned",
                "Commissioning of the inverter, UTC.",
                "inverter.commission_date",
            ),
            "last_online_at": instant(
                "Last online", "Last time the inverter was online, UTC.", "inverter.last_online"
            ),
            "last_updated_at": instant(
                "Last updated", "Last time the inverter sent data, UTC.", "inverter.last_updated"
            ),
            **extra_fields(),
            **history_columns(),
        }
    ),
    key=("account_id", "communication_device_serial"),
    unversioned_columns=("last_online_at", "last_updated_at"),
)

_TIMES = ("commissioned_at", "inverter_commissioned_at", "last_online_at", "last_updated_at")


class AccountDevices(RowByRow, DeviceList):
    """The dataset; see the module's docstring."""

    name = "account_devices"
    version = 3
    endpoint = ACCOUNT_DEVICES
    group = "accounts"
    row_type = CommunicationDevice
    output_tables = (TABLE,)
    kinds = (DeviceKind.INVERTER, DeviceKind.EMS)
    optional = True
    is_partial = True
    has_numeric_ids = True
    lists_other_accounts = True
    depends_on = ("account_children",)

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the devices of each child account."""
        for row in state.rows(read_sql("children_known")):
            account = str(row["account_id"])
            yield Request(path={"account": account}, device_id=account)

    def devices(self, state: KnownState) -> Mapping[DeviceKind, Sequence[Device]]:
        """List the inverters and EMS of child accounts."""
        devices_by_kind: dict[DeviceKind, list[Device]] = {kind: [] for kind in self.kinds}
        for row in state.rows(read_sql("children_inverters")):
            device = Device(row["inverter_serial"], row["commissioned_at"], row["last_contact_at"])
            devices_by_kind[kind_of(row["model"])].append(device)
        return devices_by_kind

    def ids_of(self, element: Mapping[str, Any]) -> Collection[str]:
        """Return the communication device and its inverter."""
        return COMMUNICATION_DEVICES.ids_of(element)

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        entries: Sequence[CommunicationDevice] = rows.values
        serials = [entry.serial_number or entry.inverter.serial for entry in entries]
        times = optional_times(TABLE.schema, rows, _TIMES)
        return {
            "account_id": pa.repeat(pa.scalar(int(response.device_id), pa.int64()), len(entries)),
            "communication_device_serial": pa.array(serials, pa.string()),
            **leaf_columns(TABLE.schema, entries, only=("inverter_serial", "model")),
            **times,
            "extra_fields": extra_column(rows),
        }


DATASET = AccountDevices()
