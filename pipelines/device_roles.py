"""What each device counts for in the figures of its site, as the owner says."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa

from warehouse import owner_inputs
from warehouse.lake import Lake

_NAME = "device_roles_set"


def roles_set(folder: Path) -> dict[str, tuple[str, datetime]]:
    """Return the role of each device that has one, and when it was set.

    Args:
        folder: The data folder.

    Raises:
        WarehouseError: The file of the roles cannot be read.
    """
    rows = owner_inputs.read(folder, _NAME).to_pylist()
    return {row["device_id"]: (row["role"], row["set_at"]) for row in rows}


def set_role(lake: Lake, device_id: str, role: str | None, now: datetime) -> None:
    """Set the role of a device; None removes it.

    Args:
        lake: The data folder.
        device_id: Its serial number or UUID.
        role: One of `warehouse.owner_inputs.ROLES`.
        now: The current time.

    Raises:
        WarehouseError: The data folder cannot be used.
    """
    with owner_inputs.lock(lake):
        roles = roles_set(lake.folder)
        roles.pop(device_id, None)
        if role is not None:
            roles[device_id] = (role, now)
        rows = [
            {"device_id": device, "role": role_of, "set_at": set_at}
            for device, (role_of, set_at) in sorted(roles.items())
        ]
        owner_inputs.write(lake, _NAME, pa.Table.from_pylist(rows, owner_inputs.SCHEMAS[_NAME]))
