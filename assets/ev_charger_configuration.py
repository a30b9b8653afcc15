"""EV charger configuration: the data of each command of a charger, such as its current setting.

Source: API document, section "EV Charger", "Commands" and "Get Command Data".

Grain: charger and command, with history; a command without data (null, or an empty list or object)
has no row. The data of a command is an object, a boolean or text: `data` has all of it, and fields
that several commands share have columns of their own. ID tags are pseudonyms and names of tags and
schedules are redacted, unless the owner keeps them.

Requests: one per charger, supported command that has data (14 are documented) and week, if the
token has the scope to control chargers.
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
    column,
    extra_column,
    extra_fields,
    flag,
    history_columns,
    integer,
    json_type,
    name_of_code,
    number,
    number_of,
    read_sql,
    resolve_redaction,
    table_schema,
    text,
)
from givenergy.codes import codes_with_flag
from givenergy.endpoints.charger_endpoints import EV_CHARGER_COMMAND_DATA
from warehouse.archive import ArchivedResponse


class _Answer(Wire):
    data: Any = None


SCHEMA = table_schema(
    {
        "charger_uuid": text("Charger", "UUID of the charger.", nullable=False),
        "command": text("Command", "Name in the API.", codes="charger_command", nullable=False),
        "command_name": name_of_code("Command"),
        "data": text("Data", "JSON of all data of the command.", "data", nullable=False),
        "value": text("Value", "Setting, as text.", "data.value"),
        "value_number": number("Value as a number", "Setting, if it is a number."),
        "is_enabled": flag("Enabled", "Setting, if it is on or off."),
        "unit": text("Unit", "Of value, minimum and maximum, as sent.", "data.unit"),
        "minimum": number("Minimum", "Minimum of the setting.", "data.min"),
        "maximum": number("Maximum", "Maximum of the setting.", "data.max"),
        "charger_mode": text(
            "Charger mode",
            "Active mode, or mode of inverter control.",
            "data.mode",
            codes="charger_mode",
        ),
        "charger_mode_name": name_of_code("Charger mode"),
        "available_charger_modes": column(
            pa.list_(pa.string()),
            "Available modes",
            "Codes of the available modes; see domain charger_mode of `codes`.",
            source="data.available",
        ),
        "configuration_mode": text(
            "Configuration mode", "Type of installation.", codes="configuration_mode"
        ),
        "configuration_mode_name": name_of_code("Configuration mode"),
        "installation_mode": text(
            "Installation mode", "Type of installation, former command.", codes="installation_mode"
        ),
        "installation_mode_name": name_of_code("Installation mode"),
        "active_schedule_id": text(
            "Active schedule", "ID of the active schedule.", "data.schedule_id"
        ),
        "battery_export_split": number(
            "Battery's share of excess",
            "Share of the solar excess that the battery gets, 0 to 1.",
            "data.inverter_battery_export_split",
        ),
        "max_battery_discharge_power_w": number(
            "Battery's power for the vehicle (W)",
            "Maximum power from the battery to the vehicle.",
            "data.max_battery_discharge_power_to_evc",
        ),
        "maximum_id_tags": integer(
            "Most ID tags", "Maximum number of tags stored in the charger.", "data.maximum_id_tags"
        ),
        **extra_fields(),
        **history_columns(),
    }
)

TABLE = Table(
    name="ev_charger_configuration",
    description="What each EV charger is set to, one row for each command and version.",
    schema=SCHEMA,
    key=("charger_uuid", "command"),
    unversioned_columns=(),
)

_KNOWN_LEAVES = frozenset(
    {
        *(
            source.partition(".")[2]
            for column in SCHEMA.columns.values()
            if (source := column.source)
        ),
        "active",
        "schedules",
        "id_tags",
    }
)


class EvChargerConfiguration(PageByPage, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "ev_charger_configuration"
    version = 1
    endpoint = EV_CHARGER_COMMAND_DATA
    group = "ev_chargers"
    row_type = _Answer
    shape = ResponseShape.BARE
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.EV_CHARGER,)
    depends_on = ("ev_charger_commands",)
    cadence = Cadence.WEEKLY
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request each charger for each command that it supports and that can have data."""
        chargers = {device.device_id for device in state.devices_of(DeviceKind.EV_CHARGER)}
        without_data = codes_with_flag("charger_command", "without_data")
        for row in state.rows(read_sql("ev_charger_commands_known")):
            uuid, command = row["charger_uuid"], row["command"]
            if uuid in chargers and command not in without_data:
                path = {"charger": uuid, "command": command}
                yield Request(path=path, device_id=uuid, label=command, part=command)

    def listed_by(self, response: ArchivedResponse) -> str:
        """Return charger and command: a response covers only this command."""
        return f"{response.device_id} {_command_of(response)}"

    def tables_of_page(
        self, rows: Rows[Any], response: ArchivedResponse
    ) -> Mapping[str, TableRows]:
        """Return a row with the data of one command, if it has data."""
        indexes = [i for i, answer in enumerate(rows.values) if answer.data not in (None, [], {})]
        command = _command_of(response)
        command_rows = [_command_row(command, rows.values[index].data, rows) for index in indexes]
        columns = {
            name: pa.array([row.get(name) for row in command_rows], field.type)
            for name, field in zip(TABLE.arrow_schema.names, TABLE.arrow_schema, strict=True)
        }
        columns |= {
            "charger_uuid": pa.repeat(pa.scalar(response.device_id), len(command_rows)),
            "command": pa.repeat(pa.scalar(command), len(command_rows)),
            "extra_fields": extra_column(rows).take(pa.array(indexes, pa.int64())),
        }
        return {TABLE.name: TableRows(columns, [rows.positions[i] for i in indexes], exploded=True)}


def _command_of(response: ArchivedResponse) -> str:
    return unquote(response.path.rpartition("/")[2])


def _command_row(command: str, data: Any, rows: Rows[Any]) -> dict[str, Any]:
    """Decode the data of a command."""
    leaves = data if isinstance(data, Mapping) else {"value": data}
    for name in leaves.keys() - _KNOWN_LEAVES:
        rows.drift["new_field", f"data.{name}", json_type(leaves[name])] += 1

    def read(name: str, kind: type) -> Any:
        value = resolve_redaction(leaves.get(name))
        converted: Any
        if kind is str:
            converted = value if isinstance(value, str | None) else as_json(value)
        elif kind is list:
            converted = list(map(str, value)) if isinstance(value, list) else None
        else:
            converted = number_of(value, kind)
        if converted is None and value is not None:
            rows.drift["changed_type", f"data.{name}", json_type(value)] += 1
        return converted

    value = leaves.get("value")
    text_value = read("value", str)
    return {
        "data": as_json(data),
        "value": text_value,
        "value_number": number_of(value),
        "is_enabled": value if isinstance(value, bool) else None,
        "unit": read("unit", str),
        "minimum": read("min", float),
        "maximum": read("max", float),
        "charger_mode": read("active", str) or read("mode", str),
        "available_charger_modes": read("available", list),
        "configuration_mode": text_value if command == "configuration-mode" else None,
        "installation_mode": text_value if command == "installation-mode" else None,
        "active_schedule_id": read("schedule_id", str),
        "battery_export_split": read("inverter_battery_export_split", float),
        "max_battery_discharge_power_w": read("max_battery_discharge_power_to_evc", float),
        "maximum_id_tags": read("maximum_id_tags", int),
    }


DATASET = EvChargerConfiguration()
