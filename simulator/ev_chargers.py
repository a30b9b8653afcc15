"""EV chargers: who exists, when each is offline, and how a listing describes it.

Belongs here: chargers of all accounts, their spans without a connection, their status. Does not
belong here: sessions (``ev_sessions``), what meters report (``ev_meter_rows``), commands.
"""

import datetime as dt
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from simulator.config import SimulatorConfig
from simulator.devices import Account
from simulator.ev_sessions import SessionBook
from simulator.local_time import DAY_S, EPOCH_ORDINAL
from simulator.noise import Floats, key_of, uniform, uuid_of

_FIRST_REGISTERED = dt.date(2022, 6, 1)
_REGISTERED_SPREAD_DAYS = 400
_PLUGGED_IN_S = 240  # before a session starts: Preparing
_UNPLUGGED_S = 420  # after it has stopped: Finishing
_OFFLINE_S = (1_800, 32_400)
_METERS = ((0, 1), (0, 1, 2), (0,))
_ALIASES = (None, "Garage", "EV Charger 1")


@dataclass(frozen=True, slots=True)
class Charger:
    """A charger of an account. ``meters`` are the ids of those that it has."""

    account: int
    number: int
    uuid: str
    serial_number: str
    key: int
    registered: dt.date
    alias: str | None
    meters: tuple[int, ...]
    sessions: SessionBook

    @property
    def registered_s(self) -> int:
        """Since when there is data (UTC epoch seconds)."""
        return (self.registered.toordinal() - EPOCH_ORDINAL) * DAY_S


def build_charger(config: SimulatorConfig, account: int, number: int) -> Charger:
    """The account's charger with this number (from 0)."""
    key = key_of("charger", config.seed, account, number)
    spread = int(_REGISTERED_SPREAD_DAYS * float(uniform(key, 0)))
    registered = config.commissioned or _FIRST_REGISTERED + dt.timedelta(days=spread)
    return Charger(
        account=account,
        number=number,
        uuid=uuid_of("charger", config.seed, account, number),
        serial_number=f"{key % 10**14:014d}",
        key=key,
        registered=registered,
        alias=_ALIASES[number % len(_ALIASES)],
        meters=_METERS[number % len(_METERS)],
        sessions=SessionBook(key + 1_000, registered.toordinal()),
    )


class Chargers:
    """All chargers. Safe to use from several threads."""

    def __init__(self, config: SimulatorConfig, accounts: list[Account]) -> None:
        """Each of ``accounts`` has as many as the settings say."""
        self._offline_rate = config.ev_offline_rate
        self._by_account = {
            account.number: [
                build_charger(config, account.number, number)
                for number in range(config.ev_chargers)
            ]
            for account in accounts
        }
        self._by_uuid = {c.uuid: c for chargers in self._by_account.values() for c in chargers}
        self._orders: dict[str, list[tuple[float, float]]] = {}
        self._lock = threading.Lock()

    def of(self, account: Account) -> list[Charger]:
        """An account's chargers in the order of listing."""
        return self._by_account.get(account.number, [])

    def get(self, uuid: str) -> Charger | None:
        """The charger with this UUID."""
        return self._by_uuid.get(uuid)

    def __getitem__(self, uuid: str) -> Charger:
        """The charger with this UUID. Raises ``KeyError`` for an unknown one."""
        if uuid not in self._by_uuid:
            raise KeyError(f"The simulator has no EV charger {uuid!r}.")
        return self._by_uuid[uuid]

    def take_offline(self, uuid: str, since_s: float) -> None:
        """Cuts a charger's connection until further notice. Raises ``KeyError`` for an unknown."""
        charger = self[uuid]
        with self._lock:
            self._orders.setdefault(charger.uuid, []).append((since_s, np.inf))

    def bring_online(self, uuid: str, at_s: float) -> None:
        """Ends all spans that ``take_offline`` began and that have not ended."""
        with self._lock:
            spans = self._orders.get(uuid, [])
            self._orders[uuid] = [(start, min(end, at_s)) for start, end in spans if start < at_s]

    def online_again(self, charger: Charger, times_s: npt.ArrayLike) -> Floats:
        """For each time, itself if the charger was online, else when it will be; inf if never."""
        times = np.asarray(times_s, np.float64)
        if not times.size:
            return times
        starts, ends = self._spans(charger, float(times.min()), float(times.max()))
        if not len(starts):
            return times
        which = np.searchsorted(starts, times, side="right") - 1
        inside = (which >= 0) & (times < ends[np.maximum(which, 0)])
        return np.where(inside, ends[np.maximum(which, 0)], times)

    def offline_since(self, charger: Charger, time_s: float) -> float | None:
        """When the span without a connection began in which a time lies, if it lies in one."""
        starts, ends = self._spans(charger, time_s, time_s)
        inside = np.flatnonzero((starts <= time_s) & (time_s < ends))
        return float(starts[inside[0]]) if len(inside) else None

    def _spans(self, charger: Charger, from_s: float, to_s: float) -> tuple[Floats, Floats]:
        """Starts and ends of the spans offline around a period, in order and apart."""
        # A span that began the day before may reach into the period.
        first = max(int(from_s) // DAY_S + EPOCH_ORDINAL - 1, charger.registered.toordinal())
        days = np.arange(first, int(to_s) // DAY_S + EPOCH_ORDINAL + 2)
        days = days[uniform(charger.key + 10, days) < self._offline_rate]
        shortest, longest = _OFFLINE_S
        begin = np.floor((days - EPOCH_ORDINAL + uniform(charger.key + 11, days)) * DAY_S)
        length = shortest + (longest - shortest) * uniform(charger.key + 12, days)
        spans = list(zip(begin.tolist(), np.floor(begin + length).tolist(), strict=True))
        with self._lock:
            spans += self._orders.get(charger.uuid, [])
        merged: list[tuple[float, float]] = []
        for start, end in sorted(spans):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        pairs = np.array(merged, np.float64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def describe(self, charger: Charger, now: dt.datetime) -> dict[str, Any]:
        """A charger as the API shows it."""
        now_s = now.timestamp()
        since = self.offline_since(charger, now_s)
        went_offline: str | None = None
        # Contract: chargers that are offline are shown without that time, too.
        if since is not None and charger.number % 3 != 2:
            moment = dt.datetime.fromtimestamp(since, dt.UTC)
            went_offline = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "uuid": charger.uuid,
            "serial_number": charger.serial_number,
            "type": "GivEnergy",
            "alias": charger.alias,
            "online": since is None,
            "went_offline_at": went_offline,
            "status": "Unavailable" if since is not None else _status(charger, int(now_s)),
        }


def _status(charger: Charger, now_s: int) -> str:
    sessions = charger.sessions.until(now_s + _PLUGGED_IN_S)
    which = int(sessions.at(np.array([now_s]))[0])
    if which >= 0:
        if now_s < sessions.full_s[which]:
            return "Charging"
        if now_s < sessions.stop_s[which]:
            return "SuspendedEV"
        if now_s < sessions.stop_s[which] + _UNPLUGGED_S:
            return "Finishing"
    following = which + 1
    if following < len(sessions.start_s) and sessions.start_s[following] - now_s <= _PLUGGED_IN_S:
        return "Preparing"
    return "Available"
