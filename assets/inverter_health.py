"""Inverter health: the checks that the vendor's platform makes of each inverter.

Source: version 1.53 of the API, which has a list of checks with a status each. Its other leaves are
not documented: `extra_fields` has them as sent.

Grain: inverter and check, with history: a version begins when its status or message changes. The
answer can be a list of checks, or an object of checks by name that are objects or bare statuses of
the usual words, such as ok or warning; an answer of another shape is one row.

Requests: one per inverter and day.
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
    Wire,
    any_fields,
    as_word,
    extra_column,
    history_columns,
    leaf_columns,
    name_of_code,
    names_of,
    request_each,
    table_schema,
    text,
    told,
)
from givenergy.endpoints.inverter_endpoints import INVERTER_HEALTH
from warehouse.archive import ArchivedResponse

_NAMES = ("key", "check", "identifier", "code", "name", "title", "type", "id")
_STATUSES = ("status", "state", "result", "level", "value", "overall")


class _Check(Wire):
    status: str | None = None
    message: str | None = None
    description: str | None = None


TABLE = Table(
    name="inverter_health",
    description="Checks of each inverter by the vendor's platform, one row per check and version.",
    schema=table_schema(
        {
            "inverter_serial": text("Inverter", "Serial number of the inverter.", nullable=False),
            "check_name": text(
                "Check",
                "What identifies the check: its name in the answer, or the first of "
                f"{', '.join(f'`{name}`' for name in _NAMES)} that differs between all checks;"
                " else its position.",
                nullable=False,
            ),
            "status": text(
                "Status",
                f"As sent, from the first of {', '.join(f'`{name}`' for name in _STATUSES)};"
                " `value` is a bare status.",
                "status",
                codes="health_status",
            ),
            "status_name": name_of_code("Status"),
            "message": text("Message", "Message, if there is one.", "message"),
            "description": text("Description", "Description, if there is one.", "description"),
            **any_fields(),
            **history_columns(),
        }
    ),
    key=("inverter_serial", "check_name"),
    # It may have the time of the check, which would make a version of each answer.
    unversioned_columns=("extra_fields",),
)


class InverterHealth(RowByRow, SnapshotDataset):
    """The dataset; see the module's docstring."""

    name = "inverter_health"
    version = 1
    endpoint = INVERTER_HEALTH
    group = "inverters"
    row_type = _Check
    shape = ResponseShape.OPEN_VALUES
    output_tables = (TABLE,)
    device_kinds = (DeviceKind.INVERTER,)
    cadence = Cadence.DAILY
    optional = True

    def requests(self, state: KnownState) -> Iterator[Request]:
        """Request the checks of each inverter."""
        return request_each(state.devices_of(DeviceKind.INVERTER), "inverter")

    def columns(self, rows: Rows[Any], response: ArchivedResponse) -> Mapping[str, pa.Array]:
        """Return the columns of one response."""
        for row, status in zip(rows.values, told(rows, _STATUSES, as_word), strict=True):
            row.status = row.status or status
        return {
            "inverter_serial": pa.repeat(pa.scalar(response.device_id), len(rows.values)),
            "check_name": pa.array(names_of(rows, _NAMES), pa.string()),
            **leaf_columns(TABLE.schema, rows.values),
            "extra_fields": extra_column(rows),
        }


DATASET = InverterHealth()
