"""Every table against what the simulator knows, value by value; used by `datasets_requests`.

What a column should hold is read from the simulator's own rows by the JSON leaf that the data
dictionary names for it. Nothing here decodes: values are compared by what they mean, so that text
and number, or a time and how it is written, are the same.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from assets.framework.contract.column_schema import source_of
from assets.framework.contract.table import Table
from assets.registry import datasets
from simulator import Simulator

# Columns by name and value that no leaf tells, such as whose answer a row is from; the element of
# the answer; the item of a list in it, where the table has a row for each.
Row = tuple[Mapping[str, Any], Any, Any]


# By which columns rows are found, where it is not by the table's key: the simulator tells local
# times of flows; an EMS that sends no time is polled once.
_FOUND_BY = {
    "energy_flows": ("inverter_serial", "start_local", "fold"),
    "energy_flow_aggregates": ("inverter_serial", "grouping", "start_local", "end_local"),
    "ems_readings": ("ems_serial",),
    "ems_inverter_readings": ("ems_serial", "number"),
    "ems_meter_readings": ("ems_serial", "number"),
    "batteries": ("serial_number",),
}
# What a charger is set to stands in one column as it came, and is spread over others by its kind.
_WHOLE = {"ev_charger_configuration": ("charger_uuid", "command", "data")}
# Made of what was sent together with something else.
_MADE = {"energy_flows": ("start_at", "end_at"), "energy_flow_aggregates": ("start_at", "end_at")}
_LEFT_OUT = ({"redacted"}, {"pseudonym"})


@dataclass(slots=True)
class Compared:
    """A table and what it should hold.

    Attributes:
        table: its name.
        rows: that it has.
        truth: rows that it should have.
        values: compared, nulls included.
        personal: values that are left out of the warehouse on purpose.
        differing: what is not equal, and rows that only one side has, as text.
    """

    table: str
    rows: int = 0
    truth: int = 0
    values: int = 0
    personal: int = 0
    differing: list[str] = field(default_factory=list)


def compare(simulator: Simulator, data: Path, start: date) -> list[Compared]:
    """Compare every table that the account fills.

    Args:
        simulator: with a clock that stands still.
        data: a data folder after `givlake backfill`.
        start: the day on which the inverters were commissioned.
    """
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as lake:
        lake.execute("SET TimeZone = 'UTC'")
        truth = _Truth(simulator, lake, start)
        tables = {table.name: table for dataset in datasets() for table in dataset.output_tables}
        return [
            _compare(lake, tables[name], list(rows())) for name, rows in truth.by_table().items()
        ]


class _Truth:
    """The rows that each table should have."""

    def __init__(self, simulator: Simulator, lake: duckdb.DuckDBPyConnection, start: date) -> None:
        self._sim = simulator
        self._lake = lake
        self._start = start
        self._account = str(simulator.account["id"])
        self._all = [*simulator.serials, *simulator.ems_serials]

    def by_table(self) -> dict[str, Callable[[], Iterable[Row]]]:
        """Give what makes the rows of each table."""
        sim, inverter, charger = self._sim, "inverter_serial", "charger_uuid"
        of_device = partial(self._listed, device="device_uuid", ids=sim.smart_device_uuids)
        of_inverter = partial(self._listed, device=inverter, ids=sim.serials)
        of_charger = partial(self._listed, device=charger, ids=sim.charger_uuids)
        of_ems = partial(self._listed, "ems-system-data", device="ems_serial", ids=sim.ems_serials)
        of_account = partial(self._listed, device="", ids=[self._account])
        return {
            "inverter_data_points": self._points,
            "energy_flows": self._flows,
            "energy_flow_aggregates": self._flow_aggregates,
            "ev_meter_readings": self._ev_readings,
            "ev_charging_sessions": partial(of_charger, "charging-sessions"),
            "inverter_events": partial(of_inverter, "events", cleared=1),
            "smart_device_readings": partial(of_device, "smart-device-data"),
            "inverter_system_readings": partial(of_inverter, "system-data"),
            "inverter_meter_readings": partial(of_inverter, "meter-data"),
            "ems_readings": of_ems,
            "ems_inverter_readings": partial(of_ems, items="inverters"),
            "ems_meter_readings": partial(of_ems, items="meters"),
            "accounts": lambda: [({}, sim.account, None)],
            "sites": partial(of_account, "site"),
            "communication_devices": self._dongles,
            "inverters": self._inverters,
            "batteries": partial(self._behind, "batteries"),
            "inverter_meters": partial(self._behind, "meters"),
            "ev_chargers": partial(of_account, "ev-charger"),
            "smart_devices": partial(of_account, "smart-device"),
            "inverter_setting_definitions": partial(of_inverter, "settings"),
            "inverter_presets": partial(of_inverter, "presets"),
            "ev_charger_commands": self._commands,
            "ev_charger_configuration": self._configuration,
        }

    def _listed(
        self, listing: str, *, device: str, ids: Sequence[str], items: str = "", **asked: Any
    ) -> Iterator[Row]:
        for device_id in ids:
            whose = {device: device_id} if device else {}
            for element in self._sim.truth_of(listing, device_id, **asked):
                for item in element[items] if items else [None]:
                    yield whose, element, item

    def _points(self) -> Iterator[Row]:
        days = (self._sim.config.clock.date() - self._start).days
        for serial in self._sim.serials:
            kept = {}
            for day in range(-1, days + 2):
                for point in self._sim.truth(serial, self._start + timedelta(days=day)):
                    kept[point["time"]] = point  # Of two with one time the later stands.
            yield from (({"inverter_serial": serial}, point, None) for point in kept.values())

    def _flows(self) -> Iterator[Row]:
        end = self._sim.config.clock.date() + timedelta(days=1)
        asked = {"start_time": str(self._start), "end_time": str(end), "grouping": 0}
        seen: Counter[tuple[str, str]] = Counter()
        for serial in self._sim.serials:
            for element in self._sim.truth_of(
                "energy-flows", serial, types=list(range(7)), **asked
            ):
                key = serial, element["start_time"]
                # A label that comes twice, as the clock goes back, is told apart by its order.
                yield {"inverter_serial": serial, "fold": seen[key]}, element, None
                seen[key] += 1

    def _flow_aggregates(self) -> Iterator[Row]:
        """What is added up depends on the range: the ranges are those that were asked for."""
        asked = self._rows(
            "SELECT DISTINCT device_id, params FROM requests"
            " WHERE dataset = 'energy_flow_aggregates'"
        )
        kept: dict[tuple[Any, ...], Row] = {}
        for request in asked:
            params = json.loads(request["params"])
            serial, grouping = request["device_id"], params["grouping"]
            for element in self._sim.truth_of("energy-flows", serial, **params):
                whose = {"inverter_serial": serial, "grouping": grouping}
                times = (element["start_time"], element["end_time"])
                kept[serial, grouping, *times] = (whose, element, None)
        return iter(kept.values())

    def _ev_readings(self) -> Iterator[Row]:
        # The simulator's clock is ahead of the client's, so that nothing is asked of its future.
        (asked,) = self._rows(
            "SELECT max(params->>'end_time') AS until FROM requests"
            " WHERE dataset = 'ev_meter_readings'"
        )
        now = datetime.fromisoformat(asked["until"])
        for uuid in self._sim.charger_uuids:
            day = self._start - timedelta(days=400)
            while day <= now.date():
                until = min(datetime.combine(day, datetime.min.time(), UTC) + timedelta(1), now)
                for element in self._sim.truth_of(
                    "ev-meter-data",
                    uuid,
                    start_time=f"{day}T00:00:00Z",
                    end_time=f"{until - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}",
                    measurands=list(range(22)),
                    meter_ids=list(range(4)),
                ):
                    for item in element["measurements"] or ():
                        yield {"charger_uuid": uuid}, element, item
                day += timedelta(days=1)

    def _dongles(self) -> Iterator[Row]:
        for element in self._sim.truth_of("communication-device", self._account):
            serial = element["serial_number"] or (element["inverter"] or {}).get("serial")
            yield {"communication_device_serial": serial}, element, None

    def _inverters(self) -> Iterator[Row]:
        return (row for row in self._dongles() if row[1]["inverter"])

    def _behind(self, things: str) -> Iterator[Row]:
        """A Gateway lists once more what is connected to the inverters beside it."""
        found: dict[Any, Row] = {}
        for _, element, _ in self._inverters():
            inverter = element["inverter"]
            for thing in (inverter.get("connections") or {}).get(things) or ():
                whose = {"inverter_serial": inverter["serial"]}
                key = (
                    thing["serial"]
                    if things == "batteries"
                    else (inverter["serial"], thing["address"])
                )
                if key not in found or inverter["info"]["model"] != "Gateway":
                    found[key] = (whose, element, thing)
        return iter(found.values())

    def _commands(self) -> Iterator[Row]:
        for uuid in self._sim.charger_uuids:
            for command in self._sim.truth_of("ev-commands", uuid):
                yield {"charger_uuid": uuid, "command": command}, {"data": command}, None

    def _configuration(self) -> Iterator[Row]:
        for uuid in self._sim.charger_uuids:
            for command in self._sim.truth_of("ev-commands", uuid):
                for told in self._sim.truth_of("ev-command-data", f"{uuid}/{command}"):
                    if told not in (None, [], {}):
                        yield {"charger_uuid": uuid, "command": command}, {"data": told}, None

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        return list(self._lake.sql(sql).to_arrow_table().to_pylist())


def _compare(lake: duckdb.DuckDBPyConnection, table: Table, truth: Sequence[Row]) -> Compared:
    name = table.name
    view = name if table.unversioned_columns is None else f"{name}_now"
    found = lake.sql(f'FROM "{view}"').to_arrow_table().to_pylist()
    done = Compared(name, rows=len(found), truth=len(truth))
    keys = _FOUND_BY.get(name, table.key)
    by_key = {tuple(_plain(row[key]) for key in keys): row for row in found}
    sources = {
        column: str(source_of(description))
        for column, description in table.schema.columns.items()
        if source_of(description)
        and column not in _MADE.get(name, ())
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
    """Name the leaves of a table that are left out, and values that stay, as of no person."""
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


def _same(found: Any, sent: Any, done: Compared) -> bool:
    """Tell whether a column holds what was sent."""
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
    return found == sent or _plain(found) == _plain(sent)


def _plain(value: Any) -> Any:
    """Write a value so that a number and its text, a time and its text are the same."""
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
