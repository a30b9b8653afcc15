"""The state shared by endpoints and control: accounts, devices, measured days, the clock.

Belongs here: the present time, looking up and changing devices, the cache of response bodies. Does
not belong here: limits, faults and tokens (`simulator.api`), sockets (`simulator.http.server`).
"""

import datetime as dt
import gzip
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from simulator.config import SimulatorConfig
from simulator.world.account_hierarchy import AccountHierarchy
from simulator.world.charger_fleet import ChargerFleet
from simulator.world.daily_data_points import DailyDataPoints
from simulator.world.households import Households
from simulator.world.installations import (
    SimulatedAccount,
    SimulatedDevice,
    SmartDeviceRegistry,
    build_device,
)
from simulator.world.inverter_values import InverterValues
from simulator.world.preset_schedules import PresetSchedules


class CloudState:
    """The state of one simulated GivEnergy Cloud. Safe to use from several threads."""

    def __init__(self, config: SimulatorConfig) -> None:
        """Build the accounts that the tokens name and their devices."""
        self.config = config
        self.clock: dt.datetime | None = config.clock
        self.base_url = ""
        self.hierarchy = AccountHierarchy(config)
        self.accounts: dict[int, SimulatedAccount] = self.hierarchy.by_number
        self.first_account = self.hierarchy.first_account
        first = self.first_account.devices[0].serial if config.inverters else None
        parents = [a for a in self.accounts.values() if not self.hierarchy.is_child(a.number)]
        self.chargers = ChargerFleet(config, parents)
        measuring = ((account.number, account.home_meter) for account in parents)
        self._home_meters = {
            number: device for number, device in measuring if device and config.ev_on_home_meter
        }
        cars = {
            device.serial: self.chargers.sessions_of(number)
            for number, device in self._home_meters.items()
        }
        self.households = Households(config, cars)
        self.days = DailyDataPoints(config, self.households, first)
        self.smart_devices = SmartDeviceRegistry(config, parents)
        self.inverter_values = InverterValues(config)
        self._by_serial: dict[str, SimulatedDevice] = {}
        self._by_datalog: dict[str, SimulatedDevice] = {}
        for account in self.accounts.values():
            for device in account.devices:
                self._add(device)
        self.presets = PresetSchedules(config.seed)
        self.notifications: list[dict[str, Any]] = []
        self._page_requests: Counter[str] = Counter()
        self._bodies: OrderedDict[Hashable, bytes] = OrderedDict()
        self._bodies_bytes = 0
        self._lock = threading.Lock()

    def home_meter(self, account: int) -> SimulatedDevice | None:
        """Return the device behind whose meter an account's chargers are; None if there is none."""
        return self._home_meters.get(account)

    def now(self) -> dt.datetime:
        """Return the present in UTC: the set clock or the real one."""
        return self.clock or dt.datetime.now(dt.UTC)

    def advance_clock(self) -> None:
        """Move a fixed clock on for a request, if the settings say so."""
        if self.config.clock_step_s:
            with self._lock:
                if self.clock is not None:
                    self.clock += dt.timedelta(seconds=self.config.clock_step_s)

    @property
    def links_base(self) -> str:
        """The start of the addresses in `links` and `meta`."""
        return self.config.links_base or self.base_url

    def find_inverter(self, serial: str) -> SimulatedDevice | None:
        """Return the device whose inverter has this serial number, removed or not."""
        return self._by_serial.get(serial)

    def inverter(self, serial: str) -> SimulatedDevice:
        """Return the device whose inverter has this serial number. Raises `KeyError`."""
        if serial not in self._by_serial:
            raise KeyError(f"The simulator has no inverter {serial!r}.")
        return self._by_serial[serial]

    def find_communication_device(self, serial: str) -> SimulatedDevice | None:
        """Return the communication device with this serial number."""
        return self._by_datalog.get(serial)

    def insert_device(self, account: SimulatedAccount) -> SimulatedDevice:
        """Put a new inverter at the front of an account's listing."""
        with self._lock:
            device = build_device(self.config, account.number, len(account.devices))
            self._add(device)
            account.devices = [device, *account.devices]
            return device

    def change_device(
        self, serial: str, change: Callable[[SimulatedDevice], SimulatedDevice]
    ) -> None:
        """Replace a device's description; its measurements stay the same.

        Raises `KeyError` for an unknown serial number.
        """
        with self._lock:
            before = self.inverter(serial)
            after = change(before)
            self._add(after)
            account = self.accounts[before.account]
            account.devices = [after if d is before else d for d in account.devices]

    def is_shift_due(self, listing: str) -> bool:
        """Count a page request of a listing; return True when it is to shift (once)."""
        after = self.config.shift_after.get(listing)
        with self._lock:
            self._page_requests[listing] += 1
            return after is not None and self._page_requests[listing] == after + 1

    def cached_body(self, key: Hashable, make: Callable[[], bytes], *, compress: bool) -> bytes:
        """Return the body that `make` gives, kept compressed or plain as it will be sent."""
        whole_key = (key, compress)
        with self._lock:
            body = self._bodies.get(whole_key)
            if body is not None:
                self._bodies.move_to_end(whole_key)
        if body is None:
            body = gzip.compress(make(), 1, mtime=0) if compress else make()
            self._keep(whole_key, body)
        return body

    def _keep(self, key: Hashable, body: bytes) -> None:
        with self._lock:
            if key in self._bodies:
                return
            self._bodies[key] = body
            self._bodies_bytes += len(body)
            while self._bodies_bytes > self.config.cache_bytes:
                _, dropped = self._bodies.popitem(last=False)
                self._bodies_bytes -= len(dropped)

    def _add(self, device: SimulatedDevice) -> None:
        self._by_datalog[device.datalog] = device
        if device.inverter == "present":
            self._by_serial[device.serial] = device
