"""EV charger commands: which commands the API offers for a charger. None is ever sent.

Source: API document, section "EV Charger", "Commands" and "Get Supported Commands".

Grain: charger and command, with history: what a charger supports changes with its firmware. What a
command was last told is in `ev_charger_configuration`.

Requests: 1 for each charger and week, if the token has the scope to control chargers.
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
from givenergy import domain
from givenergy.endpoints import EV_CHARGER_COMMANDS
from warehouse import ArchivedResponse

_DESCRIPTIONS = {code.code.upper(): code.description for code in domain("charger_command")}


class _Commands(Wire):
    data: Any = None


TABLE = Table(
    name="ev_charger_commands",
    description="The commands that each EV charger supports, one row for each and version.",
    schema=table_schema(
        {
            "charger_uuid": text("Charger", "UUID of the charger.", nullable=False),
            "command": text(
                "Command", "As the API names it.", "data", codes="charger_command", nullable=False
            ),
            "command_name": name_of_code("Command"),
            "command_description": text("Command in words", "What the command is for."),
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
    version = 1
    endpoint = EV_CHARGER_COMMANDS
    group = "ev_chargers"
    row_type = _Commands
    shape = ResponseShape.BARE
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.EV_CHARGER,)
    cadence = Cadence.WEEKLY
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Ask each charger."""
        return request_each(state.of(DeviceKind.EV_CHARGER), "charger")

    def parts(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, TableRows]:
        """Make a row of each command; the answer's rows are bare texts."""
        lists = [isinstance(answer.data, list | dict) for answer in rows.values]
        odd = [index for index, is_list in enumerate(lists) if not is_list]
        reject(rows, odd, "data", response.body, self.shape)
        found = [
            (index, command if isinstance(command, str) else None)
            for index, answer in enumerate(rows.values)
            for command in _listed(answer.data)
        ]
        commands = [command for _, command in found]
        columns = {
            "charger_uuid": pa.repeat(pa.scalar(response.device_id), len(found)),
            "command": pa.array(commands, pa.string()),
            "command_description": pa.array(
                [_DESCRIPTIONS.get(str(command).upper()) for command in commands], pa.string()
            ),
            "extra_fields": extra_column(rows).take(pa.array([i for i, _ in found], pa.int64())),
        }
        positions = [rows.positions[index] for index, _ in found]
        return {TABLE.name: TableRows(columns, positions, exploded=True)}


def _listed(data: list[Any] | dict[str, Any]) -> list[Any]:
    # A list that lacks some of its elements can come as an object keyed by index.
    return list(data.values()) if isinstance(data, dict) else data


DATASET = EvChargerCommands()
