"""Communication devices, each with the inverter behind it: which devices the account has.

Source: API document, section "Communication Device", and the recorded lists.

Grain: communication device. Discovery reads it: an inverter's days are asked for from its
commissioning to its last contact. An entry can come without an inverter (null or `{}`), or without
a serial number of its own, in which case the inverter's serial stands for both.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import pandera.pandas as pandera
import pyarrow as pa

from assets.framework.columns import extra_column, leaf_columns, optional_times
from assets.framework.dataset import Dataset
from assets.framework.devices import Device
from assets.framework.json_rows import Rows, Wire
from assets.framework.schema import TIME_UTC, column, provenance_columns
from givenergy import COMMUNICATION_DEVICES
from warehouse import ArchivedResponse


class _Battery(Wire):
    nominal_capacity: float | None = None
    nominal_voltage: float | None = None
    depth_of_discharge: float | None = None


class _Info(Wire):
    battery_type: str | None = None
    battery: _Battery = msgspec.field(default_factory=_Battery)
    model: str | None = None
    max_charge_rate: float | None = None
    max_discharge_rate: float | None = None


class _Warranty(Wire):
    type: str | None = None
    expiry_date: str | None = None


class _Firmware(Wire):
    ARM: Any = None
    DSP: Any = None


class _Inverter(Wire):
    serial: str | None = None
    status: str | None = None
    last_online: str | None = None
    last_updated: str | None = None
    commission_date: str | None = None
    info: _Info = msgspec.field(default_factory=_Info)
    warranty: _Warranty = msgspec.field(default_factory=_Warranty)
    firmware_version: _Firmware = msgspec.field(default_factory=_Firmware)
    connections: Any = None
    flags: Any = None


class _CommunicationDevice(Wire):
    serial_number: str | None = None
    firmware_version: Any = None
    type: str | None = None
    commission_date: str | None = None
    inverter: _Inverter = msgspec.field(default_factory=_Inverter)
    site_id: int | None = None


def _text(
    title: str, description: str, source: str | None, codes: str | None = None
) -> pandera.Column:
    return column(pa.string(), title, description, source=source, codes=codes)


def _number(title: str, description: str, source: str) -> pandera.Column:
    return column(pa.float64(), title, description, source=source)


def _time(title: str, description: str, source: str) -> pandera.Column:
    return column(TIME_UTC, title, description, source=source)


SCHEMA = pandera.DataFrameSchema(
    {
        "communication_device_serial": column(
            pa.string(),
            "Communication device",
            "Serial number of the communication device; the inverter's where it has none.",
            nullable=False,
        ),
        "type": _text("Type", "How it connects, e.g. WIFI, LAN or GPRS.", "type"),
        "firmware_version": _text(
            "Firmware", "Firmware of the communication device.", "firmware_version"
        ),
        "commission_date": _time("Commissioned", "When it was commissioned.", "commission_date"),
        "site_id": column(pa.int64(), "Site", "Number of the site.", source="site_id"),
        "inverter_serial": _text("Inverter", "Serial number of the inverter.", "inverter.serial"),
        "inverter_status": _text(
            "Status", "Status as sent.", "inverter.status", codes="inverter_status"
        ),
        "inverter_status_name": _text("Status name", "The documented status.", None),
        "inverter_last_online": _time(
            "Last online", "When the inverter was last online.", "inverter.last_online"
        ),
        "inverter_last_updated": _time(
            "Last updated", "When the inverter last sent data.", "inverter.last_updated"
        ),
        "inverter_commission_date": _time(
            "Inverter commissioned",
            "When the inverter was commissioned.",
            "inverter.commission_date",
        ),
        "inverter_model": _text("Model", "Model of the inverter.", "inverter.info.model"),
        "battery_type": _text("Battery type", "Chemistry.", "inverter.info.battery_type"),
        "battery_nominal_capacity_ah": _number(
            "Battery capacity (Ah)",
            "Nominal capacity of the battery.",
            "inverter.info.battery.nominal_capacity",
        ),
        "battery_nominal_voltage_v": _number(
            "Battery voltage (V)",
            "Nominal voltage of the battery.",
            "inverter.info.battery.nominal_voltage",
        ),
        "battery_depth_of_discharge": _number(
            "Depth of discharge",
            "Usable share of the battery, 0 to 1; not documented, seen in recordings.",
            "inverter.info.battery.depth_of_discharge",
        ),
        "max_charge_rate_w": _number(
            "Maximum charge rate (W)", "Battery.", "inverter.info.max_charge_rate"
        ),
        "max_discharge_rate_w": _number(
            "Maximum discharge rate (W)",
            "Battery; not documented, seen in recordings.",
            "inverter.info.max_discharge_rate",
        ),
        "warranty_type": _text("Warranty", "Type of the warranty.", "inverter.warranty.type"),
        "warranty_expiry_date": _time(
            "Warranty until", "When the warranty ends.", "inverter.warranty.expiry_date"
        ),
        "inverter_firmware_arm": _text(
            "ARM firmware", "Firmware of the ARM processor.", "inverter.firmware_version.ARM"
        ),
        "inverter_firmware_dsp": _text(
            "DSP firmware", "Firmware of the DSP.", "inverter.firmware_version.DSP"
        ),
        "connections": _text(
            "Connections", "JSON of batteries, meters and data loggers.", "inverter.connections"
        ),
        "flags": _text("Flags", "JSON list of the inverter's flags.", "inverter.flags"),
        "extra_fields": _text(
            "Extra fields", "JSON of fields that the API's document does not list.", None
        ),
        **provenance_columns(),
    },
    strict=True,
)

_TIMES = (
    "commission_date",
    "inverter_last_online",
    "inverter_last_updated",
    "inverter_commission_date",
    "warranty_expiry_date",
)
# Numbers in some answers and text in others (recorded), or lists: kept as text in either case.
_MIXED = ("firmware_version", "inverter_firmware_arm", "inverter_firmware_dsp")
_JSON = ("connections", "flags")


class CommunicationDevices(Dataset):
    """The dataset; see the module's docstring."""

    name = table = "communication_devices"
    version = 1
    endpoint = COMMUNICATION_DEVICES
    description = "Communication devices of the account, each with the inverter behind it."
    group = "devices"
    row_type = _CommunicationDevice
    schema = SCHEMA
    key = ("communication_device_serial",)

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Make the columns of one page of the list."""
        devices: Sequence[_CommunicationDevice] = rows.values
        serials = [device.serial_number or device.inverter.serial for device in devices]
        return {
            "communication_device_serial": pa.array(serials, pa.string()),
            **leaf_columns(self.schema, devices, skip=(*_TIMES, *_MIXED, *_JSON)),
            **optional_times(self.schema, rows, _TIMES),
            **leaf_columns(self.schema, devices, only=_MIXED, convert=_as_text),
            **leaf_columns(self.schema, devices, only=_JSON, convert=_as_json),
            "extra_fields": extra_column(rows),
        }


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)


def _as_json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def without_devices(dataset: str, body: bytes, device_ids: Collection[str]) -> bytes | None:
    """Take devices out of a list of communication devices; None for any other dataset."""
    if dataset != DATASET.name:
        return None
    answer = msgspec.json.decode(body)
    answer["data"] = [
        device
        for device in answer["data"]
        if device.get("serial_number") not in device_ids
        and (device.get("inverter") or {}).get("serial") not in device_ids
    ]
    return msgspec.json.encode(answer)


def inverters(table: pa.Table) -> list[Device]:
    """List the inverters of the table as devices whose days can be asked for."""
    devices: dict[str, Device] = {}
    for row in table.to_pylist():
        serial = row["inverter_serial"]
        if not serial:
            continue
        commissioned = [
            time for time in (row["inverter_commission_date"], row["commission_date"]) if time
        ]
        contacts = [
            time for time in (row["inverter_last_online"], row["inverter_last_updated"]) if time
        ]
        devices[serial] = Device(
            serial, min(commissioned, default=None), max(contacts, default=None)
        )
    return sorted(devices.values(), key=lambda device: device.device_id)


DATASET = CommunicationDevices()
