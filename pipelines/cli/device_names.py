"""Other names of devices than their IDs: serial numbers and aliases, as far as they are stored.

Aliases are personal and stored only where the owner keeps them (GIVLAKE_KEEP_PERSONAL).
"""

from collections.abc import Sequence
from importlib import resources

import duckdb

from pipelines.suggestions import did_you_mean


class UnknownDeviceNameError(Exception):
    """A name that no stored device has, or several have; the message says what to do."""


def device_names(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Return the IDs of the devices that have a serial number or an alias.

    Args:
        connection: An open catalogue.
    """
    sql = resources.files("pipelines.cli").joinpath("sql", "device_names.sql").read_text()
    names: dict[str, list[str]] = {}
    for device_id, name in connection.execute(sql).fetchall():
        names.setdefault(name, []).append(device_id)
    return names


def resolve_devices(
    names: Sequence[str], known: Sequence[str], others: dict[str, list[str]]
) -> list[str]:
    """Return the IDs of devices by ID, serial number or alias, in any capitals.

    Args:
        names: What the owner wrote.
        known: The IDs of all stored devices.
        others: IDs by other names, as `device_names` returns them.

    Raises:
        UnknownDeviceNameError: No device or several devices have a name.
    """
    by_name: dict[str, set[str]] = {}
    for name, device_ids in [*((one, [one]) for one in known), *others.items()]:
        by_name.setdefault(name.casefold(), set()).update(device_ids)
    chosen = []
    for name in names:
        found = sorted(by_name.get(name.casefold(), ()))
        if len(found) > 1:
            raise UnknownDeviceNameError(
                f"Several devices are named {name!r}: choose one by its ID, {' or '.join(found)}."
            )
        if not found:
            hint = did_you_mean(name, [*known, *others])
            listed = ", ".join(sorted(known)[:5]) or "none"
            more = f" and {len(known) - 5} more" if len(known) > 5 else ""
            raise UnknownDeviceNameError(
                f"Unknown device {name!r}. {hint or f'The data folder has {listed}{more}.'}"
            )
        chosen += found
    return list(dict.fromkeys(chosen))
