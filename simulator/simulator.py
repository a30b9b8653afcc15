"""The simulator as tests hold it: start, stop, look inside, change what happens next.

Belongs here: the Python API over the parts. Does not belong here: the same by HTTP
(``control_api``), the command line.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from types import TracebackType
from typing import Any

import orjson

from simulator.answers import Answer
from simulator.api import Api, BodyMaker, Override
from simulator.config import SimulatorConfig
from simulator.control_api import CONTROL_PREFIX, ControlApi
from simulator.devices import Device
from simulator.faults import FaultPlan, FaultSettings, check_rates
from simulator.http_request import Request
from simulator.http_server import HttpServer
from simulator.request_log import RequestLog, RequestRecord
from simulator.world import World

_CHANGEABLE = (
    "latency_s",
    "latency_jitter_s",
    "links_base",
    "retry_after",
    "subscription",
)


class Simulator:
    """A GivEnergy Cloud of one's own. A context manager: it runs inside the ``with`` block."""

    def __init__(self, config: SimulatorConfig | None = None) -> None:
        """Does not listen yet; ``start`` does."""
        config = config or SimulatorConfig()
        self._world = World(config)
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
        self._api = Api(self._world, self._plan, self._log)
        self._control = ControlApi(self)
        self._server = HttpServer(
            config.host,
            config.port,
            self._handle,
            keep_alive_s=config.keep_alive_s,
            requests_per_connection=config.requests_per_connection,
            compress=config.gzip,
        )

    def __enter__(self) -> "Simulator":
        """Starts."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops."""
        self.stop()

    def start(self) -> None:
        """Listens; after a stop on the same port. Raises ``OSError`` when the port is taken."""
        self._server.start()
        host = f"[{self._server.host}]" if ":" in self._server.host else self._server.host
        self._world.base_url = f"http://{host}:{self._server.port}/v1"

    def stop(self) -> None:
        """The network is away: cuts all connections, refuses new ones. State stays."""
        self._server.stop()

    def _handle(self, request: Request) -> tuple[Answer, Callable[[bool], None]]:
        if request.path.startswith(CONTROL_PREFIX):
            return self._control.handle(request), lambda whole: None
        return self._api.handle(request)

    @property
    def config(self) -> SimulatorConfig:
        """The settings now in force."""
        return self._world.config

    @property
    def base_url(self) -> str:
        """What a client takes as the API's address, /v1 included."""
        return self._world.base_url

    @property
    def control_url(self) -> str:
        """The address for ``simulator.control.Control``."""
        return self.base_url.removesuffix("/v1") + CONTROL_PREFIX

    @property
    def token(self) -> str:
        """The first token."""
        return self.config.tokens[0].token

    @property
    def account(self) -> dict[str, Any]:
        """The first token's account as GET /account shows it."""
        return dict(self._world.home.profile)

    @property
    def devices(self) -> list[Device]:
        """All communication devices of all accounts, in the order of listing."""
        return [d for account in self._world.accounts.values() for d in account.devices]

    @property
    def serials(self) -> list[str]:
        """Serial numbers of that account's inverters that have data, in the order of listing."""
        return [d.serial for d in self._world.home.devices if d.has_data]

    @property
    def ems_serials(self) -> list[str]:
        """Serial numbers of that account's EMS, in the order of listing."""
        return [d.serial for d in self._world.home.devices if d.ems]

    @property
    def requests(self) -> list[RequestRecord]:
        """Every request below /v1 since the last clearing, in the order of arrival."""
        return self._log.snapshot()

    def clear_requests(self) -> None:
        """Empties the request log and the list of commands; limits are untouched."""
        self._log.clear()

    def stats(self) -> dict[str, Any]:
        """Counts over the request log, ``commands_received``, and the windows of each budget."""
        return {**self._log.statistics(), "windows": self._api.limits.report()}

    @property
    def notifications(self) -> list[dict[str, Any]]:
        """What was sent to the owners' apps, oldest first."""
        return list(self._world.notifications)

    @property
    def commands_received(self) -> int:
        """Requests that would have changed or commanded something: must stay 0."""
        return len(self._log.commands)

    def truth(self, serial: str, date: dt.date | str) -> list[Any]:
        """The rows that a complete answer for that path date holds at the present clock.

        Raises ``KeyError`` for an unknown serial number.
        """
        now = self._world.now()
        day = self._world.days.day(self._device(serial), _date(date), now)
        return [orjson.loads(row) for row in day.at(now.timestamp())]

    def odd_rows(self, serial: str, date: dt.date | str) -> list[dict[str, Any]]:
        """What was planted in a day: ``position`` in the complete answer, ``kind``, ``time_s``."""
        now = self._world.now()
        day = self._world.days.day(self._device(serial), _date(date), now)
        return [asdict(row) for row in day.odd_rows]

    def set_rows(self, serial: str, date: dt.date | str, rows: Sequence[Any] | None) -> None:
        """Makes a day hold exactly these rows from now on; None undoes it.

        ``truth`` follows, paging works as ever: for late or revised rows pass a changed truth.
        """
        self._world.days.replace_rows(self._device(serial), _date(date), rows)

    def truth_of(self, listing: str, device_id: str, **parameters: Any) -> list[Any]:
        """The rows of the complete, unpaged answer at the present clock; of a single thing, one.

        ``listing`` is a name as in ``page_size_caps``, ``parameters`` are as the API takes them.
        Raises ``KeyError`` for an unknown listing or device, ``ApiError`` for wrong parameters.
        """
        return list(self._world.listings.rows(listing, device_id, **parameters))

    def set_listing(self, listing: str, device_id: str, rows: Sequence[Any] | None) -> None:
        """Makes a listing hold exactly these rows (in its order) from now on; None undoes it.

        ``truth_of`` follows; paging and filters work as ever. Raises ``KeyError`` for an unknown
        listing.
        """
        self._world.listings.replace(listing, device_id, rows)

    def set_clock(self, clock: dt.datetime | None) -> None:
        """Fixes the present (aware), or lets it be the real one. Limits keep their own time."""
        if clock is not None and clock.tzinfo is None:
            raise ValueError(f"The clock {clock} has no zone; give a time in UTC.")
        self._world.clock = clock

    def set_faults(
        self, rates: Mapping[str, float] | None = None, **settings: float | None
    ) -> None:
        """Replaces the rates (when given) and changes ``stall_s``, ``storm_requests``, ….

        Raises ``ValueError`` for an unknown kind or setting.
        """
        if rates is not None:
            check_rates(rates)
            self._plan.settings.rates = dict(rates)
        for name, value in settings.items():
            if name == "rates" or name not in FaultSettings.__slots__:
                raise ValueError(f"There is no fault setting {name!r}.")
            setattr(self._plan.settings, name, value)

    def fail(
        self,
        path_regex: str,
        *,
        status: int | None = None,
        fault: str | None = None,
        times: int | None = None,
    ) -> None:
        """Fails requests whose path (with query) matches, for ever or ``times`` times.

        Give either a bare status or a kind of fault; the latest matching order wins.
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
        """Answers matching requests with these bytes, or with what a callable makes of them."""
        self._api.overrides.insert(
            0, Override(re.compile(path_regex), body, status, content_type, times)
        )

    def clear_failures(self) -> None:
        """Forgets every ``fail`` and ``override`` and ends a storm; the rates stay."""
        self._plan.clear()
        self._api.overrides.clear()

    def configure(self, **settings: float | str | bool | None) -> None:
        """Changes latency, ``links_base``, ``retry_after`` or ``subscription`` while it runs."""
        for name in settings:
            if name not in _CHANGEABLE:
                raise ValueError(f"{name!r} cannot be changed; {', '.join(_CHANGEABLE)} can.")
        changes: dict[str, Any] = dict(settings)
        self._world.config = replace(self._world.config, **changes)

    def spend(self, requests: int, account: int | None = None) -> int:
        """A neighbour makes requests (default: first account); how many of them got a 429."""
        budget = self._api.limits.budget(f"account {account or self._world.home.number}")
        return sum(not budget.count(neighbour=True).allowed for _ in range(requests))

    def warm(self, start: dt.date | str, end: dt.date | str) -> int:
        """Makes and caches the whole-day answers from ``start`` to ``end``; how many.

        For measurements in which the server's own work is not to be counted.
        """
        first, last = _date(start), _date(end)
        dates = [first + dt.timedelta(days=i) for i in range((last - first).days + 1)]
        for serial in self.serials:
            for date in dates:
                self._api.rehearse(f"/v1/inverter/{serial}/data-points/{date}", "100000")
        return len(self.serials) * len(dates)

    def add_device(self) -> Device:
        """A new inverter appears at the front of the first account's listing."""
        return self._world.insert_device(self._world.home)

    def replace_battery(self, serial: str) -> None:
        """From now on the inverter lists another battery as its first module."""
        self._device(serial)
        self._world.change_device(
            serial, lambda d: replace(d, batteries_replaced=d.batteries_replaced + 1)
        )

    def update_firmware(self, serial: str) -> None:
        """From now on the inverter has a newer firmware, which knows one setting more."""
        self._device(serial)
        self._world.change_device(
            serial, lambda d: replace(d, firmware_updates=d.firmware_updates + 1)
        )

    @property
    def charger_uuids(self) -> list[str]:
        """UUIDs of the first account's EV chargers, in the order of listing."""
        return [charger.uuid for charger in self._world.chargers.of(self._world.home)]

    @property
    def smart_device_uuids(self) -> list[str]:
        """UUIDs of the first account's smart devices, in the order of listing."""
        return [device.uuid for device in self._world.smart_devices.of(self._world.home)]

    def take_offline(self, uuid: str, since: dt.datetime | None = None) -> None:
        """An EV charger loses its connection: now, or at a time that has passed.

        What its meters read meanwhile is lost; sessions become known when it is back. Raises
        ``KeyError`` for an unknown charger.
        """
        self._world.chargers.take_offline(uuid, (since or self._world.now()).timestamp())

    def bring_online(self, uuid: str, at: dt.datetime | None = None) -> None:
        """Ends what ``take_offline`` began: now, or at a time that has passed."""
        self._world.chargers.bring_online(uuid, (at or self._world.now()).timestamp())

    def _device(self, serial: str) -> Device:
        device = self._world.inverter(serial)
        if device is None:
            raise KeyError(f"The simulator has no inverter {serial!r}.")
        return device


def _date(date: dt.date | str) -> dt.date:
    return dt.date.fromisoformat(date) if isinstance(date, str) else date
