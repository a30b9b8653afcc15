"""The simulation as tests control it: look inside, change what happens next.

Belongs here: the Python API over the parts. Does not belong here: the same over HTTP
(`control_api`), the server (`simulator_server`), the command line.
"""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import msgspec

from simulator.api import Api, BodyMaker, Override
from simulator.config import SimulatorConfig
from simulator.household_truth import HouseholdTruth
from simulator.http.faults import FaultPlan, FaultSettings, check_fault_rates
from simulator.http.request_log import RequestLog, RequestRecord
from simulator.world.cloud_state import CloudState
from simulator.world.installations import SimulatedDevice
from simulator.world.inverter_values import DeviceState

_CHANGEABLE = (
    "latency_s",
    "latency_jitter_s",
    "device_read_s",
    "links_base",
    "retry_after",
    "subscription",
)


class Simulation(HouseholdTruth):
    """A simulated GivEnergy Cloud, apart from the HTTP server."""

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        """Build the accounts and devices of the settings; the defaults if None."""
        config = config or SimulatorConfig()
        super().__init__(CloudState(config))
        self._log = RequestLog()
        self._plan = FaultPlan(
            config.seed,
            FaultSettings(
                rates=dict(config.faults),
                stall_s=config.stall_s,
                storm_requests=config.storm_requests,
                storm_s=config.storm_s,
                oversized_bytes=config.oversized_bytes,
            ),
        )
        self._api = Api(self._state, self._plan, self._log)

    @property
    def config(self) -> SimulatorConfig:
        """The settings now in force."""
        return self._state.config

    @property
    def base_url(self) -> str:
        """The API's address for a client, /v1 included."""
        return self._state.base_url

    @property
    def token(self) -> str:
        """The first token."""
        return self.config.tokens[0].token

    @property
    def account(self) -> dict[str, Any]:
        """The first token's account as GET /account shows it."""
        return dict(self._state.first_account.profile)

    @property
    def devices(self) -> list[SimulatedDevice]:
        """All communication devices of all accounts, in the order of listing."""
        return [d for account in self._state.accounts.values() for d in account.devices]

    @property
    def serials(self) -> list[str]:
        """Serial numbers of the first account's inverters with data, in the order of listing."""
        return [d.serial for d in self._state.first_account.devices if d.has_data]

    @property
    def ems_serials(self) -> list[str]:
        """Serial numbers of the first account's EMS, in the order of listing."""
        return [d.serial for d in self._state.first_account.devices if d.ems]

    @property
    def charger_uuids(self) -> list[str]:
        """UUIDs of the first account's EV chargers, in the order of listing."""
        return [charger.uuid for charger in self._state.chargers.of(self._state.first_account)]

    @property
    def smart_device_uuids(self) -> list[str]:
        """UUIDs of the first account's smart devices, in the order of listing."""
        return [device.uuid for device in self._state.smart_devices.of(self._state.first_account)]

    @property
    def requests(self) -> list[RequestRecord]:
        """Every request below /v1 since the last clearing, in the order of arrival."""
        return self._log.snapshot()

    def clear_requests(self) -> None:
        """Empty the request log and the list of commands; limits are not reset."""
        self._log.clear()

    def stats(self) -> dict[str, Any]:
        """Return counts over the request log, `commands_received`, and each budget's windows."""
        return {**self._log.statistics(), "windows": self._api.limits.report()}

    @property
    def notifications(self) -> list[dict[str, Any]]:
        """The notifications sent to the owners' apps, oldest first."""
        return list(self._state.notifications)

    @property
    def commands_received(self) -> int:
        """The number of requests that would have changed or commanded something; must stay 0."""
        return len(self._log.commands)

    @property
    def device_reads(self) -> list[str]:
        """The requests that read from a device, method and path, in the order of arrival."""
        return list(self._log.device_reads)

    def set_setting(self, serial: str, setting: int, value: Any) -> None:
        """Set a setting of an inverter, as its owner does. Raises `KeyError` for an unknown one."""
        self._state.inverter_values.set_value(self._state.inverter(serial).serial, setting, value)

    def set_device_state(
        self, serial: str, code: int | None, *, reads: int | None = None, says_so: bool = True
    ) -> None:
        """Let an inverter give a remote control code in place of its settings' values.

        Args:
            serial: The inverter.
            code: The code; None: it answers again.
            reads: How many reads it concerns; None for all.
            says_so: Whether the response has `success` and `message`, or nothing but the code.

        Raises:
            KeyError: It is unknown.
        """
        state = None if code is None else DeviceState(code, reads, says_so)
        self._state.inverter_values.set_state(self._state.inverter(serial).serial, state)

    def truth(self, serial: str, date: dt.date | str) -> list[Any]:
        """Return the rows of a complete response for that path date at the present clock.

        Raises `KeyError` for an unknown serial number.
        """
        now = self._state.now()
        day = self._state.days.day(self._state.inverter(serial), _date(date), now)
        return [msgspec.json.decode(row) for row in day.visible_at(now.timestamp())]

    def anomalous_rows(self, serial: str, date: dt.date | str) -> list[dict[str, Any]]:
        """Return the anomalies of a day: `position` in the complete response, `kind`, `time_s`."""
        now = self._state.now()
        day = self._state.days.day(self._state.inverter(serial), _date(date), now)
        return [asdict(row) for row in day.anomalous_rows]

    def set_rows(self, serial: str, date: dt.date | str, rows: Sequence[Any] | None) -> None:
        """Make a day contain exactly these rows from now on; None undoes it.

        `truth` follows, paging works as before: for late or revised rows pass a changed truth.
        """
        self._state.days.replace_rows(self._state.inverter(serial), _date(date), rows)

    def truth_of(self, listing: str, device_id: str, **parameters: Any) -> list[Any]:
        """Return the rows of the complete, unpaged response at the present clock.

        Args:
            listing: A name as in `page_size_caps`.
            device_id: The device's id as in the path, for an account's lists its id.
            parameters: The endpoint's parameters, as the API takes them.

        Raises:
            KeyError: The listing or device is unknown.
            ApiError: A parameter is invalid.
        """
        return list(self._api.listings.rows(listing, device_id, **parameters))

    def set_listing(self, listing: str, device_id: str, rows: Sequence[Any] | None) -> None:
        """Make a listing contain exactly these rows (in its order) from now on; None undoes it.

        `truth_of` follows; paging and filters work as before. Raises `KeyError` for an unknown
        listing.
        """
        self._api.listings.replace(listing, device_id, rows)

    def set_clock(self, clock: dt.datetime | None) -> None:
        """Fix the present (aware), or use the real time if None. Limits keep their own time."""
        if clock is not None and clock.tzinfo is None:
            raise ValueError(f"The clock {clock} has no time zone; give a time in UTC.")
        self._state.clock = clock

    def set_faults(
        self, rates: Mapping[str, float] | None = None, **settings: float | None
    ) -> None:
        """Replace the rates (if given) and change `stall_s`, `storm_requests`, ….

        Raises `ValueError` for an unknown kind or setting.
        """
        if rates is not None:
            check_fault_rates(rates)
            self._plan.settings.rates = dict(rates)
        for name, value in settings.items():
            if name == "rates" or name not in FaultSettings.__slots__:
                raise ValueError(f"Unknown fault setting {name!r}.")
            setattr(self._plan.settings, name, value)

    def fail(
        self,
        path_regex: str,
        *,
        status: int | None = None,
        fault: str | None = None,
        times: int | None = None,
    ) -> None:
        """Fail requests whose path (with query) matches, always or `times` times.

        Give either a bare status or a kind of fault; the latest matching call wins.
        """
        self._plan.fail(path_regex, status=status, fault=fault, times=times)

    def override(
        self,
        path_regex: str,
        body: bytes | BodyMaker,
        *,
        status: int = 200,
        content_type: str = "application/json",
        times: int | None = None,
    ) -> None:
        """Respond to matching requests with these bytes, or with what a callable returns."""
        self._api.overrides.insert(
            0, Override(re.compile(path_regex), body, status, content_type, times)
        )

    def clear_failures(self) -> None:
        """Undo every `fail` and `override` and end a storm; the rates stay."""
        self._plan.clear()
        self._api.overrides.clear()

    def configure(self, **settings: float | str | bool | None) -> None:
        """Change latency, `links_base`, `retry_after` or `subscription` while it runs."""
        for name in settings:
            if name not in _CHANGEABLE:
                raise ValueError(f"{name!r} cannot be changed; {', '.join(_CHANGEABLE)} can.")
        changes: dict[str, Any] = dict(settings)
        self._state.config = replace(self._state.config, **changes)

    def spend(self, requests: int, account: int | None = None) -> int:
        """Count requests of another client (default: first account); return how many got a 429."""
        number = account or self._state.first_account.number
        budget = self._api.limits.budget(f"account {number}")
        return sum(not budget.count(neighbour=True).allowed for _ in range(requests))

    def warm(self, start: dt.date | str, end: dt.date | str) -> int:
        """Cache the whole-day responses from `start` to `end`; return their number.

        For measurements that are not to include the server's own work.
        """
        first, last = _date(start), _date(end)
        dates = [first + dt.timedelta(days=i) for i in range((last - first).days + 1)]
        for serial in self.serials:
            for date in dates:
                self._api.fill_cache(f"/v1/inverter/{serial}/data-points/{date}", "100000")
        return len(self.serials) * len(dates)

    def add_device(self) -> SimulatedDevice:
        """Add an inverter at the front of the first account's listing."""
        return self._state.insert_device(self._state.first_account)

    def replace_battery(self, serial: str) -> None:
        """Make the inverter list another battery as its first module from now on."""
        self._state.change_device(
            serial, lambda d: replace(d, batteries_replaced=d.batteries_replaced + 1)
        )

    def update_firmware(self, serial: str) -> None:
        """Install newer firmware on the inverter, which adds one setting."""
        self._state.change_device(
            serial, lambda d: replace(d, firmware_updates=d.firmware_updates + 1)
        )

    def set_preset(
        self, serial: str, identifier: str, values: Any, at: dt.datetime | None = None
    ) -> None:
        """Set a preset of an inverter to values (any JSON): now, or at a past or coming time.

        Raises `KeyError` for an unknown serial number.
        """
        inverter = self._state.inverter(serial)
        self._state.presets.set(inverter.serial, identifier, values, at or self._state.now())

    def take_offline(self, uuid: str, since: dt.datetime | None = None) -> None:
        """Cut an EV charger's connection: now, or at a past time.

        What its meters read meanwhile is lost; sessions become known when it is back. Raises
        `KeyError` for an unknown charger.
        """
        self._state.chargers.take_offline(uuid, (since or self._state.now()).timestamp())

    def bring_online(self, uuid: str, at: dt.datetime | None = None) -> None:
        """End what `take_offline` began: now, or at a past time."""
        self._state.chargers.bring_online(uuid, (at or self._state.now()).timestamp())


def _date(date: dt.date | str) -> dt.date:
    return dt.date.fromisoformat(date) if isinstance(date, str) else date
