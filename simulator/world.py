"""Everything that the endpoints look at: accounts, days, the present, the cache of answers.

Belongs here: state shared by endpoints and control. Does not belong here: limits, faults and
tokens (``api``), sockets (``http_server``).
"""

import datetime as dt
import gzip
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from simulator.accounts import Accounts
from simulator.answers import Answer
from simulator.config import SimulatorConfig
from simulator.devices import Account, Device, build_device
from simulator.ev_chargers import Chargers
from simulator.households import Households
from simulator.listings import Listings
from simulator.path_days import PathDays
from simulator.smart_devices import SmartDevices


class World:
    """One simulated vendor. Safe to use from several threads."""

    def __init__(self, config: SimulatorConfig) -> None:
        """Accounts are those that the tokens name; the first token's is the home account."""
        self.config = config
        self.clock: dt.datetime | None = config.clock
        self.base_url = ""
        self.family = Accounts(config)
        self.accounts: dict[int, Account] = self.family.by_number
        self.home = self.family.home
        first = self.home.devices[0].serial if config.inverters else None
        self.households = Households(config)
        self.days = PathDays(config, self.households, first)
        self.listings = Listings()
        tenants = [a for a in self.accounts.values() if not self.family.is_child(a.number)]
        self.chargers = Chargers(config, tenants)
        self.smart_devices = SmartDevices(config, tenants)
        self._by_serial: dict[str, Device] = {}
        self._by_datalog: dict[str, Device] = {}
        for account in self.accounts.values():
            for device in account.devices:
                self._add(device)
        self.notifications: list[dict[str, Any]] = []
        self._pages_asked: Counter[str] = Counter()
        self._bodies: OrderedDict[Hashable, bytes] = OrderedDict()
        self._bodies_bytes = 0
        self._lock = threading.Lock()

    def now(self) -> dt.datetime:
        """The present in UTC: the set clock or the real one."""
        return self.clock or dt.datetime.now(dt.UTC)

    def tick(self) -> None:
        """A request was made: a fixed clock moves on if the settings say so."""
        if self.config.clock_step_s:
            with self._lock:
                if self.clock is not None:
                    self.clock += dt.timedelta(seconds=self.config.clock_step_s)

    @property
    def links_base(self) -> str:
        """What the addresses in ``links`` and ``meta`` begin with."""
        return self.config.links_base or self.base_url

    def inverter(self, serial: str) -> Device | None:
        """The device whose inverter has this serial number, gone or not."""
        return self._by_serial.get(serial)

    def communication_device(self, serial: str) -> Device | None:
        """The communication device with this serial number."""
        return self._by_datalog.get(serial)

    def insert_device(self, account: Account) -> Device:
        """Puts a new inverter at the front of an account's listing."""
        with self._lock:
            device = build_device(self.config, account.number, len(account.devices))
            self._add(device)
            account.devices = [device, *account.devices]
            return device

    def change_device(self, serial: str, change: Callable[[Device], Device]) -> None:
        """Puts a changed description in a device's place. Raises ``KeyError`` for an unknown one.

        What it measures goes on as before.
        """
        with self._lock:
            before = self._by_serial[serial]
            after = change(before)
            self._add(after)
            account = self.accounts[before.account]
            account.devices = [after if d is before else d for d in account.devices]

    def shift_due(self, listing: str) -> bool:
        """Counts a page request of a listing; True when it is now to shift (once)."""
        after = self.config.shift_after.get(listing)
        with self._lock:
            self._pages_asked[listing] += 1
            return after is not None and self._pages_asked[listing] == after + 1

    def cached(self, key: Hashable, packed: bool, make: Callable[[], bytes]) -> Answer:
        """A 200 with the body that ``make`` gives, kept packed or plain as it will be sent."""
        whole_key = (key, packed)
        with self._lock:
            body = self._bodies.get(whole_key)
            if body is not None:
                self._bodies.move_to_end(whole_key)
        if body is None:
            body = gzip.compress(make(), 1) if packed else make()
            self._keep(whole_key, body)
        return Answer(200, b"", packed=body) if packed else Answer(200, body)

    def _keep(self, key: Hashable, body: bytes) -> None:
        with self._lock:
            if key in self._bodies:
                return
            self._bodies[key] = body
            self._bodies_bytes += len(body)
            while self._bodies_bytes > self.config.cache_bytes:
                _, dropped = self._bodies.popitem(last=False)
                self._bodies_bytes -= len(dropped)

    def _add(self, device: Device) -> None:
        self._by_datalog[device.datalog] = device
        if device.inverter == "present":
            self._by_serial[device.serial] = device
