"""Communication devices and the inverters, batteries and meters connected to them, with history.

Source: API document, section "Communication Device", and the recorded lists.

Grain: device and version. An entry can lack an inverter (null or `{}`) or a serial number of its
own; the inverter's serial then identifies both. A Gateway repeats the batteries of its All-In-Ones
(recorded): each battery is stored once, with its All-In-One. An inverter that is listed several
times, with several communication devices, has the earliest commissioning and the latest contact of
its entries; both are hints for which days to request.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.communication_devices.device_json import (
    BatteryModule,
    CommunicationDevice,
    ListedInverter,
    Meter,
)
from assets.communication_devices.device_tables import (
    BATTERIES_TABLE,
    COMMUNICATION_DEVICES_TABLE,
    INVERTERS_TABLE,
    METERS_TABLE,
)
from assets.framework import (
    Cadence,
    Device,
    DeviceKind,
    DeviceList,
    KnownState,
    Request,
    Rows,
    TableRows,
    as_json,
    as_text,
    extra_column,
    leaf_columns,
    optional_times,
    read_sql,
)
from givenergy.endpoints.account_endpoints import COMMUNICATION_DEVICES
from warehouse.archive import ArchivedResponse

_GATEWAY = "Gateway"
_EMS = "EMS"
# Numbers in some responses and text in others (recorded): kept as text in either case.
_FIRMWARE = ("firmware_arm", "firmware_dsp")
_BATTERY_TEXTS = ("serial_number", "firmware_version")
_METER_NUMBERS = ("address", "baud_rate")


class CommunicationDevices(DeviceList):
    """The dataset; see the module's docstring."""

    name = "communication_devices"
    version = 4
    endpoint = COMMUNICATION_DEVICES
    group = "devices"
    row_type = CommunicationDevice
    output_tables = (COMMUNICATION_DEVICES_TABLE, INVERTERS_TABLE, BATTERIES_TABLE, METERS_TABLE)
    kinds = (DeviceKind.INVERTER, DeviceKind.EMS)
    cadence = Cadence.EVERY_POLL

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the whole list."""
        yield Request()

    def devices(self, state: KnownState) -> Mapping[DeviceKind, Sequence[Device]]:
        """List inverters and EMS."""
        devices_by_kind: dict[DeviceKind, list[Device]] = {
            DeviceKind.INVERTER: [],
            DeviceKind.EMS: [],
        }
        for row in state.rows(read_sql("inverters_known")):
            device = Device(row["inverter_serial"], row["commissioned_at"], row["last_contact_at"])
            if not device.device_id.startswith(_BEHIND):
                devices_by_kind[kind_of(row["model"])].append(device)
        return devices_by_kind

    def ids_of(self, element: Mapping[str, Any]) -> Collection[str]:
        """Return the communication device and its inverter."""
        serials = (element.get("serial_number"), (element.get("inverter") or {}).get("serial"))
        return [serial for serial in serials if serial]

    def tables_of_fetch(
        self, pages: Sequence[tuple[Rows[Any], ArchivedResponse]]
    ) -> Sequence[Mapping[str, TableRows]]:
        """Return the rows of all tables; a battery repeated by a Gateway can be on another page."""
        own = {
            battery_id
            for rows, _ in pages
            for device in rows.values
            if device.inverter.info.model != _GATEWAY
            for battery_id, _ in _batteries(device)
        }
        parts = [self._parts(rows, own) for rows, _ in pages]
        return _with_common_times(parts)

    def _parts(self, rows: Rows[Any], own: Collection[str]) -> Mapping[str, TableRows]:
        devices: Sequence[CommunicationDevice] = rows.values
        inverters = [index for index, device in enumerate(devices) if _has_inverter(device)]
        batteries = [
            (index, battery_id, battery)
            for index in inverters
            for battery_id, battery in _batteries(devices[index])
            if battery_id not in own or devices[index].inverter.info.model != _GATEWAY
        ]
        meters = [
            (index, meter)
            for index in inverters
            for meter in devices[index].inverter.connections.meters or ()
        ]
        table_rows = (
            TableRows(_device_columns(rows), rows.positions),
            TableRows(_inverter_columns(rows, inverters), [rows.positions[i] for i in inverters]),
            TableRows(
                _battery_columns(devices, batteries),
                [rows.positions[index] for index, _, _ in batteries],
                exploded=True,
            ),
            TableRows(
                _meter_columns(devices, meters),
                [rows.positions[index] for index, _ in meters],
                exploded=True,
            ),
        )
        return {
            table.name: part for table, part in zip(self.output_tables, table_rows, strict=True)
        }


def _with_common_times(
    pages: Sequence[Mapping[str, TableRows]],
) -> Sequence[Mapping[str, TableRows]]:
    """Give the entries of an inverter that is listed several times the times of all of them.

    A replaced communication device can stay listed with the same inverter; only one of the rows
    is stored, and the days of both must be requested.
    """
    inverters = [page[INVERTERS_TABLE.name] for page in pages]
    listed = pa.concat_tables(
        pa.table({name: rows.columns[name] for name in ("inverter_serial", *_EXTREMES)})
        for rows in inverters
    )
    extremes = listed.group_by("inverter_serial").aggregate([*_EXTREMES.items()])
    if extremes.num_rows == listed.num_rows:
        return pages
    united = []
    for page, rows in zip(pages, inverters, strict=True):
        at = pc.index_in(rows.columns["inverter_serial"], extremes["inverter_serial"])
        times = {
            name: extremes[f"{name}_{how}"].combine_chunks().take(at)
            for name, how in _EXTREMES.items()
        }
        columns = {**rows.columns, **times}
        united.append({**page, INVERTERS_TABLE.name: rows._replace(columns=columns)})
    return united


_BEHIND = "behind "
# Which time counts where an inverter is listed several times.
_EXTREMES = {"commissioned_at": "min", "last_online_at": "max", "last_updated_at": "max"}


def _has_inverter(device: CommunicationDevice) -> bool:
    return device.inverter != ListedInverter()


def _inverter_serial(device: CommunicationDevice) -> str | None:
    if device.inverter.serial:
        return device.inverter.serial
    return f"{_BEHIND}{device.serial_number}" if device.serial_number else None


def _batteries(device: CommunicationDevice) -> Iterator[tuple[str, BatteryModule]]:
    for place, battery in enumerate(device.inverter.connections.batteries or (), start=1):
        number = place if battery.module_number is None else battery.module_number
        named = as_text(battery.serial) or f"{_inverter_serial(device)} module {number}"
        yield named, battery


def _device_columns(rows: Rows[Any]) -> Mapping[str, pa.Array]:
    schema = COMMUNICATION_DEVICES_TABLE.schema
    devices: Sequence[CommunicationDevice] = rows.values
    serials = [device.serial_number or device.inverter.serial for device in devices]
    times = optional_times(schema, rows, ("commissioned_at",))
    return {
        **leaf_columns(schema, devices, only=("type", "site_id", "inverter_serial")),
        **leaf_columns(schema, devices, only=("firmware_version",), convert=as_text),
        **times,
        "communication_device_serial": pa.array(serials, pa.string()),
        "extra_fields": extra_column(rows),
    }


def _inverter_columns(rows: Rows[Any], indexes: Sequence[int]) -> Mapping[str, pa.Array]:
    schema = INVERTERS_TABLE.schema
    devices = [rows.values[index] for index in indexes]
    names = ("last_online_at", "last_updated_at", "commissioned_at", "warranty_expires_at")
    skip = (*names, *_FIRMWARE, "datalog", "inverter_serial")
    times = optional_times(schema, rows, names, indexes)
    return {
        **leaf_columns(schema, devices, skip=skip),
        **leaf_columns(schema, devices, only=_FIRMWARE, convert=as_text),
        **leaf_columns(schema, devices, only=("datalog",), convert=as_json),
        **times,
        "inverter_serial": pa.array(map(_inverter_serial, devices), pa.string()),
        "extra_fields": extra_column(rows).take(pa.array(indexes, pa.int64())),
    }


def _battery_columns(
    devices: Sequence[CommunicationDevice], batteries: Sequence[tuple[int, str, BatteryModule]]
) -> Mapping[str, pa.Array]:
    schema = BATTERIES_TABLE.schema
    values = [battery for _, _, battery in batteries]
    return {
        **leaf_columns(schema, values, skip=_BATTERY_TEXTS),
        **leaf_columns(schema, values, only=_BATTERY_TEXTS, convert=as_text),
        "battery_id": pa.array([battery_id for _, battery_id, _ in batteries], pa.string()),
        "inverter_serial": pa.array(
            [_inverter_serial(devices[index]) for index, _, _ in batteries], pa.string()
        ),
    }


def _meter_columns(
    devices: Sequence[CommunicationDevice], meters: Sequence[tuple[int, Meter]]
) -> Mapping[str, pa.Array]:
    schema = METERS_TABLE.schema
    values = [meter for _, meter in meters]
    return {
        **leaf_columns(schema, values, only=_METER_NUMBERS),
        **leaf_columns(schema, values, skip=_METER_NUMBERS, convert=as_text),
        "inverter_serial": pa.array(
            [_inverter_serial(devices[index]) for index, _ in meters], pa.string()
        ),
    }


def kind_of(model: str | None) -> DeviceKind:
    """Distinguish an EMS, which has latest readings only, from an inverter."""
    return DeviceKind.EMS if _EMS in (model or "").upper() else DeviceKind.INVERTER


DATASET = CommunicationDevices()
