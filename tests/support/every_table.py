"""The rows that every table should have of a simulated account, by the simulator's own lists.

Nothing here decodes: a row is the JSON element, and what the element itself does not say.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, NamedTuple

import duckdb

from simulator import Simulator


class TrueRow(NamedTuple):
    """A row that a table should have.

    Attributes:
        whose: Columns and values that no documented leaf says, such as the device.
        element: The element of the response.
        item: The item of a list in the element, where the table has a row for each.
    """

    whose: Mapping[str, Any]
    element: Any
    item: Any = None


TrueRows = Callable[[], Iterable[TrueRow]]


class EveryTable:
    """The rows of each table, after a backfill from a simulator whose clock stands still."""

    def __init__(self, simulator: Simulator, lake: duckdb.DuckDBPyConnection, start: date) -> None:
        """Take the ranges that were requested from the lake.

        Args:
            simulator: The simulator.
            lake: The catalogue of the owner's data folder.
            start: The day on which the inverters were commissioned.
        """
        self._sim = simulator
        self._lake = lake
        self._start = start
        self._account = str(simulator.account["id"])

    def by_table(self) -> dict[str, TrueRows]:
        """Return what makes the rows of each table."""
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
            "inverter_grid_meter_readings": self._grid_meter_readings,
            "ev_meter_readings": self._ev_readings,
            "ev_charging_sessions": partial(of_charger, "charging-sessions"),
            "inverter_events": partial(of_inverter, "events", cleared=1),
            "smart_device_readings": partial(of_device, "smart-device-data"),
            "inverter_system_readings": partial(of_inverter, "system-data"),
            "inverter_meter_readings": partial(of_inverter, "meter-data"),
            "ems_readings": of_ems,
            "ems_inverter_readings": partial(of_ems, items="inverters"),
            "ems_meter_readings": partial(of_ems, items="meters"),
            "accounts": lambda: [TrueRow({}, sim.account)],
            "sites": partial(of_account, "site"),
            "communication_devices": self._communication_devices,
            "inverters": self._inverters,
            "batteries": partial(self._connected, "batteries"),
            "inverter_meters": partial(self._connected, "meters"),
            "ev_chargers": partial(of_account, "ev-charger"),
            "smart_devices": partial(of_account, "smart-device"),
            "inverter_setting_definitions": partial(of_inverter, "settings"),
            "inverter_presets": partial(of_inverter, "presets"),
            "inverter_preset_values": self._preset_values,
            "inverter_health": self._health,
            "site_readings": partial(self._of_sites, "site-data"),
            "site_energy_readings": partial(self._of_sites, "site-energy-data"),
            "ev_charger_commands": self._commands,
            "ev_charger_configuration": self._configuration,
            "lock_settings": self._lock_settings,
            "locks": self._locks,
            "preset_profiles": self._preset_profiles,
            "tariff_automation": self._automation,
            "tariff_automation_settings": self._automation_settings,
            "tariff_scheduler_slots": self._planned_slots,
        }

    def _listed(
        self, listing: str, *, device: str, ids: Sequence[str], items: str = "", **sent: Any
    ) -> Iterator[TrueRow]:
        for device_id in ids:
            whose = {device: device_id} if device else {}
            for element in self._sim.truth_of(listing, device_id, **sent):
                for item in element[items] if items else [None]:
                    yield TrueRow(whose, element, item)

    def _points(self) -> Iterator[TrueRow]:
        assert self._sim.config.clock is not None
        days = (self._sim.config.clock.date() - self._start).days
        for serial in self._sim.serials:
            kept = {}
            for day in range(-1, days + 2):
                for point in self._sim.truth(serial, self._start + timedelta(days=day)):
                    kept[point["time"]] = point  # Of two with one time the later is stored.
            yield from (TrueRow({"inverter_serial": serial}, point) for point in kept.values())

    def _flows(self) -> Iterator[TrueRow]:
        assert self._sim.config.clock is not None
        end = self._sim.config.clock.date() + timedelta(days=1)
        sent = {"start_time": str(self._start), "end_time": str(end), "grouping": 0}
        seen: Counter[tuple[str, str]] = Counter()
        for serial in self._sim.serials:
            for element in self._sim.truth_of("energy-flows", serial, types=list(range(7)), **sent):
                key = serial, element["start_time"]
                # In autumn a label comes twice, and its order tells which is which.
                yield TrueRow({"inverter_serial": serial, "fold": seen[key]}, element)
                seen[key] += 1

    def _flow_aggregates(self) -> Iterator[TrueRow]:
        kept: dict[tuple[Any, ...], TrueRow] = {}
        for serial, params in self._requested("energy_flow_aggregates"):
            for element in self._sim.truth_of("energy-flows", serial, **params):
                whose = {"inverter_serial": serial, "grouping": params["grouping"]}
                times = (element["start_time"], element["end_time"])
                kept[serial, params["grouping"], *times] = TrueRow(whose, element)
        return iter(kept.values())

    def _grid_meter_readings(self) -> Iterator[TrueRow]:
        if not self._sim.config.has_version("1.35"):
            return iter(())
        kept: dict[tuple[Any, ...], TrueRow] = {}
        for serial, params in self._requested("inverter_grid_meter_readings"):
            for element in self._sim.truth_of("inverter-meter-data", serial, **params):
                whose = {"inverter_serial": serial, "address": int(params["address"])}
                kept[serial, whose["address"], element["time"]] = TrueRow(whose, element)
        return iter(kept.values())

    def _ev_readings(self) -> Iterator[TrueRow]:
        kept: dict[tuple[Any, ...], TrueRow] = {}
        for uuid, params in self._requested("ev_meter_readings"):
            sent = {name.removesuffix("[]"): value for name, value in params.items()}
            for element in self._sim.truth_of("ev-meter-data", uuid, **sent):
                for item in element["measurements"] or ():
                    key = uuid, element["meter_id"], element["timestamp"], item["measurand"]
                    kept[key] = TrueRow({"charger_uuid": uuid}, element, item)
        return iter(kept.values())

    def _requested(self, dataset: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield device and parameters of each request, without those of paging."""
        rows = self._lake.execute(
            "SELECT DISTINCT device_id, params FROM requests WHERE dataset = ?", [dataset]
        ).fetchall()
        for device_id, text in rows:
            params = json.loads(text)
            yield device_id, {n: v for n, v in params.items() if n not in ("page", "pageSize")}

    def _communication_devices(self) -> Iterator[TrueRow]:
        for element in self._sim.truth_of("communication-device", self._account):
            serial = element["serial_number"] or (element["inverter"] or {}).get("serial")
            yield TrueRow({"communication_device_serial": serial}, element)

    def _inverters(self) -> Iterator[TrueRow]:
        return (row for row in self._communication_devices() if row.element["inverter"])

    def _connected(self, things: str) -> Iterator[TrueRow]:
        """Yield batteries or meters; a Gateway lists once more those of the inverters beside it."""
        found: dict[Any, TrueRow] = {}
        for _, element, _ in self._inverters():
            inverter = element["inverter"]
            for thing in (inverter.get("connections") or {}).get(things) or ():
                whose = {"inverter_serial": inverter["serial"]}
                in_meters = (inverter["serial"], thing.get("address"))
                key = thing["serial"] if things == "batteries" else in_meters
                if key not in found or inverter["info"]["model"] != "Gateway":
                    found[key] = TrueRow(whose, element, thing)
        return iter(found.values())

    def _preset_values(self) -> Iterator[TrueRow]:
        if not self._sim.config.has_version("1.35"):
            return
        for serial in self._sim.serials:
            for row in self._sim.truth_of("presets", serial):
                preset = row["identifier"]
                if preset != "reset-to-defaults":
                    (values,) = self._sim.truth_of("preset-values", serial, preset=preset)
                    whose = {"inverter_serial": serial, "preset": preset}
                    # Null is what was never set: no row.
                    if values is not None:
                        yield TrueRow(whose, {"data": values})

    def _health(self) -> Iterator[TrueRow]:
        if not self._sim.config.has_version("1.53"):
            return
        for serial in self._sim.serials:
            for check in self._sim.truth_of("inverter-health", serial):
                yield TrueRow({"inverter_serial": serial, "check_name": check["name"]}, check)

    def _of_sites(self, listing: str) -> Iterator[TrueRow]:
        if not self._sim.config.has_version("1.53"):
            return
        for site in self._sim.truth_of("site", self._account):
            for reading in self._sim.truth_of(listing, str(site["id"])):
                yield TrueRow({"site_id": site["id"]}, reading)

    def _commands(self) -> Iterator[TrueRow]:
        for uuid in self._sim.charger_uuids:
            for command in self._sim.truth_of("ev-commands", uuid):
                yield TrueRow({"charger_uuid": uuid, "command": command}, {"data": command})

    def _configuration(self) -> Iterator[TrueRow]:
        for uuid in self._sim.charger_uuids:
            for command in self._sim.truth_of("ev-commands", uuid):
                for data in self._sim.truth_of("ev-command-data", f"{uuid}/{command}"):
                    if data not in (None, [], {}):
                        yield TrueRow({"charger_uuid": uuid, "command": command}, {"data": data})

    # No leaf is documented of the following: `extra_fields` has a row as it came.

    def _lock_settings(self) -> Iterator[TrueRow]:
        if not self._sim.config.has_version("1.53"):
            return
        for row in self._sim.truth_of("lock-settings", self._account):
            whose = {"account": self._owner(), "setting": row["type"]}
            yield TrueRow({**whose, "is_enabled": row["enabled"], "extra_fields": row}, row)

    def _locks(self) -> Iterator[TrueRow]:
        if not self._sim.config.has_version("1.53"):
            return
        for serial in self._sim.serials:
            for row in self._sim.truth_of("locks", serial):
                same = {name: row[name] for name in ("type", "created_at", "expires_at")}
                whose = {"inverter_serial": serial, "lock_id": row["id"]}
                # The reason is a person's words, which nobody asked to keep.
                yield TrueRow({**whose, **same, "reason": None, "extra_fields": row}, row)

    def _preset_profiles(self) -> Iterator[TrueRow]:
        if not self._sim.config.has_version("1.53"):
            return
        for serial in self._sim.serials:
            for row in self._sim.truth_of("preset-profiles", serial):
                whose = {"inverter_serial": serial, "profile": row["name"]}
                yield TrueRow({**whose, "presets": row["presets"], "extra_fields": row}, row)

    def _automation_settings(self) -> Iterator[TrueRow]:
        if not self._sim.config.has_version("1.53"):
            return
        for row in self._sim.truth_of("tariff-automation-settings", self._account):
            yield TrueRow({"account": self._owner(), "extra_fields": None}, row)

    def _automation(self) -> Iterator[TrueRow]:
        if not self._sim.config.has_version("1.53"):
            return
        for day in self._days("tariff_automation", "right(path, 10)"):
            for row in self._sim.truth_of("tariff-automation", self._account, date=day):
                times = {"slot": row["start"], "start_at": row["start"], "end_at": row["end"]}
                yield self._slot(day, times, row["action"], row["rate"], row)

    def _planned_slots(self) -> Iterator[TrueRow]:
        if not self._sim.config.has_version("1.53"):
            return
        for day in self._days("tariff_scheduler_slots", "params ->> 'start_date'"):
            one_day = {"start_date": day, "end_date": day}
            for row in self._sim.truth_of("tariff-slots", self._account, **one_day):
                start = row["start_time"]
                times = {"slot": start, "start_at": start, "end_at": row["end_time"]}
                yield self._slot(day, times, row["mode"], row["price"], row)

    def _slot(
        self, day: str, times: Mapping[str, str], action: str, price: float, row: Any
    ) -> TrueRow:
        whose = {"account": self._owner(), "date": day, **times}
        return TrueRow({**whose, "action": action, "price": price, "extra_fields": row}, row)

    def _days(self, dataset: str, day: str) -> list[str]:
        """Return the days that were requested, where `day` is the SQL that reads one."""
        found = self._lake.execute(
            f"SELECT DISTINCT {day} FROM requests WHERE dataset = ?", [dataset]
        ).fetchall()
        return [text for (text,) in found]

    def _owner(self) -> str:
        """Return the key by which the lake knows the account."""
        ((key,),) = self._lake.execute("SELECT DISTINCT account FROM requests").fetchall()
        return str(key)
