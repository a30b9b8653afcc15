"""Compare the tables of a data folder with what a simulator has, value by value.

What a column should hold is read from the simulator's rows by the JSON leaf that the data
dictionary names for it. Values are compared by what they mean: a number and its text, or a time and
how it is written, are the same.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from assets.framework.contract.table import Table
from assets.registry import datasets
from simulator import Simulator
from tests.support.every_table import EveryTable, TrueRow

# Columns by which rows are found, where these are not the table's key: the simulator tells local
# times of flows; an EMS that sends no time is polled once.
_FOUND_BY = {
    "energy_flows": ("inverter_serial", "start_local", "fold"),
    "energy_flow_aggregates": ("inverter_serial", "grouping", "start_local", "end_local"),
    "ems_readings": ("ems_serial",),
    "ems_inverter_readings": ("ems_serial", "number"),
    "ems_meter_readings": ("ems_serial", "number"),
    "batteries": ("serial_number",),
}
# What a charger or a preset is set to is in one column as it came; others repeat parts of it.
_WHOLE = {
    "ev_charger_configuration": ("charger_uuid", "command", "data"),
    "inverter_preset_values": ("inverter_serial", "preset", "data"),
}
# Computed from what was sent and something else.
_COMPUTED = {
    "energy_flows": ("start_at", "end_at"),
    "energy_flow_aggregates": ("start_at", "end_at"),
}
_LEFT_OUT = ({"redacted"}, {"pseudonym"})


@dataclass(slots=True)
class TableComparison:
    """A table and what it should hold.

    Attributes:
        table: Its name.
        rows: Rows that it has.
        truth: Rows that it should have.
        values: Number of compared values, nulls included.
        personal: Number of values that are left out of the warehouse on purpose.
        differing: What is not equal, and rows that only one side has, as text.
    """

    table: str
    rows: int = 0
    truth: int = 0
    values: int = 0
    personal: int = 0
    differing: list[str] = field(default_factory=list)


def compare_tables(simulator: Simulator, data: Path, start: date) -> list[TableComparison]:
    """Compare every table that the account fills.

    Args:
        simulator: A simulator whose clock stands still.
        data: A data folder after `givlake backfill`.
        start: The day on which the inverters were commissioned.
    """
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as lake:
        lake.execute("SET TimeZone = 'UTC'")
        tables = {table.name: table for dataset in datasets() for table in dataset.output_tables}
        truth = EveryTable(simulator, lake, start).by_table()
        return [_compare(lake, tables[name], list(rows())) for name, rows in truth.items()]


def _compare(
    lake: duckdb.DuckDBPyConnection, table: Table, truth: Sequence[TrueRow]
) -> TableComparison:
    name = table.name
    view = name if table.unversioned_columns is None else f"{name}_now"
    found = lake.sql(f'FROM "{view}"').to_arrow_table().to_pylist()
    done = TableComparison(name, rows=len(found), truth=len(truth))
    keys = _FOUND_BY.get(name, table.key)
    by_key = {tuple(_plain(row[key]) for key in keys): row for row in found}
    sources = {
        column: str(description.source)
        for column, description in table.schema.columns.items()
        if description.source
        and column not in _COMPUTED.get(name, ())
        and column in _WHOLE.get(name, (column,))
    }
    personal, plain = _personal(name)
    for whose, element, item in truth:
        wanted = {column: _leaf(source, element, item) for column, source in sources.items()}
        wanted |= whose
        row = by_key.pop(tuple(_plain(wanted[key]) for key in keys), None)
        if row is None:
            done.differing.append(f"{name}: no row {[wanted[key] for key in keys]}")
            continue
        for column, value in wanted.items():
            done.values += 1
            if sources.get(column) in personal and value is not None and value not in plain:
                done.personal += 1
                if row[column] == value:
                    done.differing.append(f"{name}.{column}: {value!r} is personal and stored")
            elif not _same(_read(row[column], name, column), value, done):
                done.differing.append(f"{name}.{column}: {row[column]!r} for {value!r}")
    done.differing += [f"{name}: a row of its own, {key}" for key in by_key]
    return done


def _personal(table: str) -> tuple[set[str], frozenset[str]]:
    """Return the leaves of a table that are left out, and values of them that are kept."""
    (dataset,) = (d for d in datasets() if table in {made.name for made in d.output_tables})
    endpoint = dataset.endpoint
    leaves = endpoint.personal | endpoint.pseudonymise
    below = {leaf.removeprefix("data").removeprefix("[]").removeprefix(".") for leaf in leaves}
    return below, endpoint.plain


def _leaf(source: str, element: Any, item: Any) -> Any:
    above, _, below = source.rpartition("[].")
    value = item if above else element
    for part in below.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _read(found: Any, table: str, column: str) -> Any:
    return json.loads(found) if column in _WHOLE.get(table, ())[-1:] else found


def _same(found: Any, sent: Any, done: TableComparison) -> bool:
    """Return whether a column holds what was sent."""
    if isinstance(sent, dict | list) and isinstance(found, str):
        found = json.loads(found)
    if isinstance(found, dict) and found.keys() in _LEFT_OUT:
        done.personal += 1
        return sent is not None
    if isinstance(sent, dict):
        if not isinstance(found, dict) or len(found) != len(sent):
            return False
        # The fields of PV arrays have a unit in their names.
        units = {name: name for name in found} | {n.split("_")[0]: n for n in found}
        return all(_same(found.get(units.get(n, "")), child, done) for n, child in sent.items())
    if isinstance(sent, list):
        return (
            isinstance(found, list)
            and len(found) == len(sent)
            and all(_same(*pair, done) for pair in zip(found, sent, strict=True))
        )
    return bool(found == sent or _plain(found) == _plain(sent))


def _plain(value: Any) -> Any:
    """Return a value so that a number and its text, a time and its text are equal."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).replace(tzinfo=None)
    if isinstance(value, date):
        return datetime.combine(value, datetime.min.time())
    return float(value) if isinstance(value, int | float) else value
