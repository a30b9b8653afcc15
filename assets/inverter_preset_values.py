"""Inverter preset values: what each preset of an inverter is set to, with history.

Source: `GET /inverter/{serial}/presets/{id}` of API version 1.35; an earlier version lacks it. It
returns what the platform knows, and commands nothing. A value that was never set or read can be
null or an assumed default, which look like any other. Besides those with columns of their own, the
parameters are not documented: they are in `data`, and those of the top level in `extra_fields`.

Grain: inverter and preset, with history; a preset without values (null, or an empty list or object)
has no row. A version is valid from the poll that first saw it, not from the change itself, which
can be up to a day earlier. Times of slots are text, as 24:00 can be the end of a day.

Requests: one per inverter, preset with values (up to 12) and day, if the token has the scope to
control inverters: a schedule is often changed from day to day by other programs, and the past is
not available later. A preset that the API lacks or refuses for an inverter is remembered.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import pyarrow as pa

from assets.framework import (
    Cadence,
    DeviceKind,
    KnownState,
    PageByPage,
    Request,
    ResponseShape,
    Rows,
    SnapshotDataset,
    Table,
    TableRows,
    Wire,
    as_json,
    as_text,
    column,
    extra_column,
    extra_fields,
    flag,
    history_columns,
    json_type,
    number,
    number_of,
    read_sql,
    table_schema,
    text,
)
from givenergy.endpoints.control_endpoints import INVERTER_PRESET_VALUES
from warehouse.archive import ArchivedResponse


class _Answer(Wire):
    data: Any = None


# Leaves of a slot, with the names that they have in other documents.
_SLOT_LEAVES = {"start_time": "start", "end_time": "end", "percent_limit": "limit"}
SLOTS = pa.list_(
    pa.struct(
        [
            pa.field("start_time", pa.string()),
            pa.field("end_time", pa.string()),
            pa.field("percent_limit", pa.float64()),
            pa.field("extra_fields", pa.string()),
        ]
    )
)

TABLE = Table(
    name="inverter_preset_values",
    description="What each preset of an inverter is set to, one row per preset and version. A value"
    " that was never set or read can be null or an assumed default.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            "preset": text(
                "Preset",
                "Identifier of the preset, such as timed-charge; see inverter_presets.",
                nullable=False,
            ),
            "data": text("Data", "JSON of all values as sent.", "data", nullable=False),
            "is_enabled": flag("Enabled", "Whether the preset is on.", "data.enabled"),
            "slots": column(
                SLOTS,
                "Slots",
                "Times of the day between which it acts, HH:MM in the inverter's time as sent, and"
                " the state of charge (%) at which it stops: the target of a charge, the lowest of"
                " a discharge. A slot that passes midnight ends before it starts.",
                source="data.slots",
            ),
            "max_power_w": number(
                "Maximum power (W)", "Limit of the preset's power.", "data.max_power_watts"
            ),
            "start_soc_percent": number(
                "Start (%)",
                "State of charge at which a generator starts. The unit is not printed, % is"
                " assumed.",
                "data.start_soc",
            ),
            "stop_soc_percent": number(
                "Stop (%)",
                "State of charge at which a generator stops. The unit is not printed, % is"
                " assumed.",
                "data.stop_soc",
            ),
            "charge_power_percent": number(
                "Charging power (%)",
                "Power of charging from a generator.",
                "data.charge_power_percent",
            ),
            "mode": text(
                "Mode",
                "As sent; pause-battery pauses 0 nothing, 1 charging, 2 discharging, 3 both.",
                "data.mode",
            ),
            **extra_fields(),
            **history_columns(),
        }
    ),
    key=("inverter_serial", "preset"),
    # What of it differs in substance is in the other columns, without times of changes.
    unversioned_columns=("data",),
)

_NUMBERS = {
    "max_power_watts": "max_power_w",
    "start_soc": "start_soc_percent",
    "stop_soc": "stop_soc_percent",
    "charge_power_percent": "charge_power_percent",
}
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_KNOWN_LEAVES = {"enabled", "slots", "mode", *_NUMBERS}


class InverterPresetValues(PageByPage, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "inverter_preset_values"
    version = 2
    endpoint = INVERTER_PRESET_VALUES
    group = "inverters"
    row_type = _Answer
    shape = ResponseShape.BARE
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    depends_on = ("inverter_presets",)
    cadence = Cadence.DAILY
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request each preset of each inverter that has values."""
        inverters = {device.device_id for device in state.devices_of(DeviceKind.INVERTER)}
        for row in state.rows(read_sql("inverter_presets_known")):
            serial, preset = row["inverter_serial"], row["preset"]
            if serial in inverters:
                path = {"inverter": serial, "preset": preset}
                yield Request(path=path, device_id=serial, label=preset, part=preset)

    def listed_by(self, response: ArchivedResponse) -> str:
        """Return inverter and preset: a response covers only this preset."""
        return f"{response.device_id} {_preset_of(response)}"

    def tables_of_page(
        self, rows: Rows[Any], response: ArchivedResponse
    ) -> Mapping[str, TableRows]:
        """Return a row with the values of one preset, if it has any."""
        indexes = [i for i, answer in enumerate(rows.values) if answer.data not in (None, [], {})]
        values = [_values_of(rows.values[index].data, rows, index) for index in indexes]
        columns = {
            name: pa.array([row.get(name) for row in values], field.type)
            for name, field in zip(TABLE.arrow_schema.names, TABLE.arrow_schema, strict=True)
        }
        columns |= {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), len(values)),
            "preset": pa.repeat(pa.scalar(_preset_of(response)), len(values)),
            "extra_fields": extra_column(rows).take(pa.array(indexes, pa.int64())),
        }
        return {TABLE.name: TableRows(columns, [rows.positions[i] for i in indexes], exploded=True)}


def _preset_of(response: ArchivedResponse) -> str:
    return unquote(response.path.rpartition("/")[2])


def _values_of(data: Any, rows: Rows[Any], index: int) -> dict[str, Any]:
    """Decode the values of a preset; what is not known, or of another type, is noted as drift."""
    is_list_of_one = isinstance(data, list) and len(data) == 1 and isinstance(data[0], Mapping)
    values = data[0] if is_list_of_one else data
    leaves = values if isinstance(values, Mapping) else {"value": values}
    extra = rows.extra.setdefault(index, {})
    for name, value in sorted(leaves.items()):
        if name not in _KNOWN_LEAVES:
            if not _is_time_of_change(name):
                extra[f"data.{name}"] = _canonical(value)
            rows.drift["new_field", f"data.{name}", json_type(value)] += 1

    def convert(name: str, result: Any) -> Any:
        value = leaves.get(name)
        if result is None and value is not None:
            extra[f"data.{name}"] = _canonical(value)
            rows.drift["changed_type", f"data.{name}", json_type(value)] += 1
        return result

    enabled, mode = _FLAGS.get(str(leaves.get("enabled")).lower()), leaves.get("mode")
    is_code = isinstance(mode, str | int) and not isinstance(mode, bool)
    decoded = {
        "data": as_json(data),
        "is_enabled": convert("enabled", enabled),
        "mode": convert("mode", as_text(mode) if is_code else None),
        "slots": convert("slots", _slots(leaves.get("slots"), rows)),
        **{column: convert(name, number_of(leaves.get(name))) for name, column in _NUMBERS.items()},
    }
    if not extra:
        del rows.extra[index]
    return decoded


def _is_time_of_change(name: str) -> bool:
    return name.endswith("_at") or name in ("time", "timestamp")


def _canonical(value: Any) -> Any:
    """Return a value as it makes a version: 50.0 is 50, and a time of a change is no change."""
    if isinstance(value, Mapping):
        items = value.items()
        return {name: _canonical(each) for name, each in items if not _is_time_of_change(name)}
    if isinstance(value, list):
        return [_canonical(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _slots(sent: Any, rows: Rows[Any]) -> list[dict[str, Any]] | None:
    """Decode the slots of a preset; what a slot has besides is kept in it as JSON."""
    slots = sent
    if isinstance(sent, Mapping):
        # A list that lacks some of its elements can come as an object keyed by index.
        slots = list(sent.values()) if all(map(str.isdigit, sent)) else [sent]
    return [_slot(slot, rows) for slot in slots] if isinstance(slots, list) else None


def _slot(sent: Any, rows: Rows[Any]) -> dict[str, Any]:
    leaves = dict(sent) if isinstance(sent, Mapping) else {"value": sent}
    for name, other in _SLOT_LEAVES.items():
        if name not in leaves and other in leaves:
            leaves[name] = leaves.pop(other)
    slot: dict[str, Any] = {}
    for name in ("start_time", "end_time"):
        if isinstance(leaves.get(name), str | None):
            slot[name] = leaves.pop(name, None)
    limit = leaves.get("percent_limit")
    slot["percent_limit"] = number_of(limit)
    if limit is None or slot["percent_limit"] is not None:
        leaves.pop("percent_limit", None)
    for name, value in leaves.items():
        kind = "new_field" if name not in _SLOT_LEAVES else "changed_type"
        rows.drift[kind, f"data.slots[].{name}", json_type(value)] += 1
    slot["extra_fields"] = as_json(_canonical(leaves) or None)
    return slot


DATASET = InverterPresetValues()
