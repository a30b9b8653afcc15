"""EV charger commands: the commands that the API offers for a charger. givlake never sends one.

Source: API document, section "EV Charger", "Commands" and "Get Supported Commands".

Grain: charger and command, with history, because firmware changes the supported commands. The data
of each command is in `ev_charger_configuration`.

Requests: one per charger and week, if the token has the scope to control chargers.
"""

from collections.abc import Iterator, Mapping
from typing import Any

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
    extra_column,
    extra_fields,
    history_columns,
    name_of_code,
    reject,
    request_each,
    table_schema,
    text,
)
from givenergy.codes import domain
from givenergy.endpoints.charger_endpoints import EV_CHARGER_COMMANDS
from warehouse.archive import ArchivedResponse

_DESCRIPTIONS = {code.code.upper(): code.description for code in domain("charger_command")}


class _Commands(Wire):
    data: Any = None


TABLE = Table(
    name="ev_charger_commands",
    description="The commands that each EV charger supports, one row per item and version.",
    schema=table_schema(
        {
            "charger_uuid": text("Charger", "UUID of the charger.", nullable=False),
            "command": text(
                "Command", "Name in the API.", "data", codes="charger_command", nullable=False
            ),
            "command_name": name_of_code("Command"),
            "command_description": text("Command description", "Description of the command."),
            **extra_fields(),
            **history_columns(),
        }
    ),
    key=("charger_uuid", "command"),
    unversioned_columns=(),
)


class EvChargerCommands(PageByPage, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "ev_charger_commands"
    version = 3
    endpoint = EV_CHARGER_COMMANDS
    group = "ev_chargers"
    row_type = _Commands
    shape = ResponseShape.BARE
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.EV_CHARGER,)
    cadence = Cadence.WEEKLY
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request each charger."""
        return request_each(state.devices_of(DeviceKind.EV_CHARGER), "charger")

    def tables_of_page(
        self, rows: Rows[Any], response: ArchivedResponse
    ) -> Mapping[str, TableRows]:
        """Make a row of each command; the response's rows are bare texts."""
        lists = [isinstance(answer.data, list | dict) for answer in rows.values]
        not_lists = [index for index, is_list in enumerate(lists) if not is_list]
        reject(rows, not_lists, "data", response.body, self.shape)
        commands_by_row = [
            (index, command if isinstance(command, str) else None)
            for index, answer in enumerate(rows.values)
            for command in _listed(answer.data)
        ]
        commands = [command for _, command in commands_by_row]
        columns = {
            "charger_uuid": pa.repeat(pa.scalar(response.device_id), len(commands_by_row)),
            "command": pa.array(commands, pa.string()),
            "command_description": pa.array(
                [_DESCRIPTIONS.get(str(command).upper()) for command in commands], pa.string()
            ),
            "extra_fields": extra_column(rows).take(
                pa.array([i for i, _ in commands_by_row], pa.int64())
            ),
        }
        positions = [rows.positions[index] for index, _ in commands_by_row]
        return {TABLE.name: TableRows(columns, positions, exploded=True)}


def _listed(data: list[Any] | dict[str, Any]) -> list[Any]:
    # A list that lacks some of its elements can come as an object keyed by index.
    return list(data.values()) if isinstance(data, dict) else data


DATASET = EvChargerCommands()
