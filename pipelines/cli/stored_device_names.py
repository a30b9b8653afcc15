"""Names of stored devices: identifiers, serial numbers of EV chargers, and aliases.

Aliases are personal and stored only where the owner keeps them (GIVLAKE_KEEP_PERSONAL).
"""

from collections import defaultdict
from importlib import resources

import duckdb


def stored_device_names(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
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
