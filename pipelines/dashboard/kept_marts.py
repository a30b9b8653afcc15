"""Marts of the devices that are looked at, in memory until the data change.

A query of the catalogue costs a quarter of a second before it reads a row, because DuckDB plans
all the views that it stands on. So the rows of a device are copied into tables of an in-memory
database when a chart first needs them, and the SQL of charts, which is over the marts, finds
these tables first: they are in a schema of the device at the front of the search path. A mart
over others is made by its own SQL from those that are there.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from assets.marts.mart_file import marts
from warehouse.connection import retrying
from warehouse.errors import WarehouseError

# The most devices whose rows are kept: a year of half hours of one takes some megabytes.
_MOST_DEVICES = 6
# Rows of the account, whatever device is shown.
_SHARED = "shared"
_DATABASE = "kept"
# Sessions are found from all readings of the chargers, which would take some 400 MB at once.
_LARGE = ("ev_sessions",)
_MEMORY = "300MB"


@dataclass(frozen=True, slots=True)
class _Rule:
    """How a mart or table is copied.

    Attributes:
        column: The column that names the site (`site`), inverter (`inverter_serial`) or device
            (`device_id`) of a row; "" if rows of all are copied.
        after: What it reads that is worth copying first.
    """

    column: str
    after: tuple[str, ...] = ()


_RULES = {
    "battery_daily": _Rule("inverter_serial", ("daily_energy",)),
    "battery_health": _Rule("inverter_serial", ("battery_daily",)),
    "cost_daily": _Rule("site", ("cost_half_hourly", "tariff_standing_charges")),
    "cost_half_hourly": _Rule("site", ("site_half_hourly", "tariff_prices", "tariffs_in_force")),
    "cost_what_if": _Rule("site", ("site_half_hourly", "tariff_prices", "tariff_standing_charges")),
    "coverage": _Rule("device_id"),
    "daily_energy": _Rule("inverter_serial"),
    "device_roles": _Rule("inverter_serial"),
    "ev_chargers": _Rule(""),
    "ev_sessions": _Rule(""),
    "findings": _Rule("device_id"),
    "gaps": _Rule("inverter_serial"),
    "half_hourly_balance": _Rule("inverter_serial"),
    "inverter_events": _Rule("inverter_serial"),
    "pv_health": _Rule("inverter_serial"),
    "site_daily": _Rule("site", ("site_members", "daily_energy")),
    "site_half_hourly": _Rule("site", ("site_members",)),
    "site_members": _Rule("inverter_serial"),
    "site_now": _Rule("inverter_serial"),
    "tariff_prices": _Rule(""),
    "tariff_standing_charges": _Rule(""),
    "tariffs": _Rule(""),
    "tariffs_in_force": _Rule(""),
}
# What a macro reads, and so must be there too.
_MACROS = {mart.name: mart.reads for mart in marts() if mart.parameters}


@dataclass(slots=True)
class _KeptDevice:
    """The tables of one device.

    Attributes:
        schema: Their schema.
        tables: Their names.
    """

    schema: str
    tables: set[str] = field(default_factory=set)


class KeptMarts:
    """The tables that are kept, in one connection; to be used by one thread at a time."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: Mapping[str, str]) -> None:
        """Attach an empty database in memory to a connection with the catalogue.

        Args:
            connection: The connection; closing it ends the database.
            sql: The SQL of each mart, by its name.
        """
        self._connection = connection
        self._sql = sql
        self._devices: OrderedDict[str, _KeptDevice] = OrderedDict()
        self._numbers = 0
        row = connection.execute("SELECT current_database()").fetchone()
        self._catalogue = str(row[0]) if row else ""
        self._database = f"{_DATABASE}_{id(self)}"
        connection.execute(f"ATTACH ':memory:' AS {self._database} (COMPRESS)")
        self._shared = self._new(_SHARED)

    def close(self) -> None:
        """Drop all tables."""
        self._connection.execute(f'USE "{self._catalogue}"')
        self._connection.execute(f"DETACH {self._database}")

    def used_last(self) -> tuple[str, tuple[str, ...]] | None:
        """Return the device that was used last, and the names of the tables that are there."""
        if not self._devices:
            return None
        device, kept = next(reversed(self._devices.items()))
        return device, (*self._shared.tables, *kept.tables)

    def use(
        self,
        device: str,
        inverters: Sequence[str],
        chargers: Sequence[str],
        site: str,
        names: Iterable[str],
    ) -> None:
        """Copy what is not there yet of some marts, and let queries find it.

        Args:
            device: A name for the device.
            inverters: The serial numbers of its inverters.
            chargers: The UUIDs of its chargers.
            site: The site, or that of the inverter.
            names: Marts and tables that a query reads.
        """
        kept = self._devices.get(device) or self._new(device)
        self._devices[device] = kept
        self._devices.move_to_end(device)
        while len(self._devices) > _MOST_DEVICES:
            _, oldest = self._devices.popitem(last=False)
            self._connection.execute(f"DROP SCHEMA {self._database}.{oldest.schema} CASCADE")
        self._connection.execute(
            f"SET search_path = '{self._database}.{kept.schema},"
            f"{self._database}.{self._shared.schema},{self._catalogue}.main'"
        )
        keys = {
            "site": [site],
            "inverter_serial": [*inverters],
            "device_id": [*inverters, *chargers],
        }
        for name in names:
            self._copy(kept, name, keys)

    def _copy(self, kept: _KeptDevice, name: str, keys: Mapping[str, Sequence[str]]) -> None:
        for read in _MACROS.get(name, ()):
            self._copy(kept, read, keys)
        rule = _RULES.get(name)
        if rule is None:
            return
        target = kept if rule.column else self._shared
        if name in target.tables:
            return
        for other in rule.after:
            self._copy(kept, other, keys)
        source = f"({self._sql[name]})" if name in self._sql else f'"{name}"'
        table = f'CREATE TABLE {self._database}.{target.schema}."{name}" AS FROM {source} AS rows'
        values: list[object] = []
        if rule.column:
            values = [*keys[rule.column]] or [None]
            table += f" WHERE {rule.column} IN ({', '.join('?' * len(values))})"
        self._create(table, values, is_large=name in _LARGE)
        target.tables.add(name)

    def _create(self, table: str, values: Sequence[object], *, is_large: bool) -> None:
        def create() -> None:
            self._connection.execute(table, values)

        if is_large:
            self._connection.execute(f"SET memory_limit = '{_MEMORY}'")
            try:
                retrying(create)
            except (WarehouseError, duckdb.Error):
                # What is kept takes too much already, or there is no room for temporary files.
                pass
            else:
                return
            finally:
                self._connection.execute("RESET memory_limit")
        retrying(create)

    def _new(self, name: str) -> _KeptDevice:
        """Create the schema of a device."""
        self._numbers += 1
        schema = name if name == _SHARED else f"device_{self._numbers}"
        self._connection.execute(f"CREATE SCHEMA {self._database}.{schema}")
        return _KeptDevice(schema)
