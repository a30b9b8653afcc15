"""Names of devices: IDs, serial numbers of EV chargers, and aliases, as far as they are stored.

Aliases are personal and stored only where the owner keeps them (GIVLAKE_KEEP_PERSONAL).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib import resources

import duckdb

from pipelines.suggestions import did_you_mean

_LISTED = 5


class UnknownDeviceNameError(Exception):
    """A name that no stored device has, or several have; the message says what to do."""


def device_names(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Return the IDs of the devices that have a name, by name; an ID is a name as well.

    Args:
        connection: An open catalogue.
    """
    sql = resources.files("pipelines.cli").joinpath("sql", "device_names.sql").read_text()
    names: dict[str, set[str]] = defaultdict(set)
    for device_id, name in connection.execute(sql).fetchall():
        if name:
            names[name].add(device_id)
    return dict(names)


def resolve_devices(wanted: Sequence[str], names: Mapping[str, set[str]]) -> list[str]:
    """Return the IDs of devices that are named in any capitals, each once.

    Args:
        wanted: Names, as the owner writes them.
        names: IDs by name, as `device_names` returns them.

    Raises:
        UnknownDeviceNameError: No device or several devices have a name.
    """
    folded: dict[str, set[str]] = defaultdict(set)
    for name, device_ids in names.items():
        folded[name.casefold()] |= device_ids
    chosen = []
    for name in wanted:
        found = sorted(names.get(name) or folded[name.casefold()])
        if len(found) > 1:
            raise UnknownDeviceNameError(
                f"Several devices have the name {name!r}: name one of {', '.join(found)} instead."
            )
        if not found:
            raise UnknownDeviceNameError(f"Unknown device {name!r}{_advice(name, names)}")
        chosen += found
    return list(dict.fromkeys(chosen))


def _advice(name: str, names: Mapping[str, set[str]]) -> str:
    if hint := did_you_mean(name, names):
        return f". {hint}"
    known = sorted(set().union(*names.values()))
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return f": the data folder has {', '.join(known[:_LISTED]) or 'none'}{more}."
