"""EV chargers: which exist, and when each is offline.

Belongs here: chargers of all accounts, their periods without a connection. Does not belong here:
charging sessions (`charging_schedule`), how listings describe chargers (`endpoints`).
"""

import datetime as dt
import threading
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from simulator.config import SimulatorConfig
from simulator.seeded_random import Floats, key_of, uniform, uuid_of
from simulator.world.charging_schedule import ChargingSchedule
from simulator.world.installations import SimulatedAccount
from simulator.world.local_calendar import DAY_S, EPOCH_ORDINAL

_FIRST_REGISTERED = dt.date(2022, 6, 1)
_REGISTERED_SPREAD_DAYS = 400
_OFFLINE_S = (1_800, 32_400)
_METERS = ((0, 1), (0, 1, 2), (0,))
_ALIASES = (None, "Garage", "EV Charger 1")


@dataclass(frozen=True, slots=True)
class Charger:
    """A charger of an account. `meters` are the ids of its meters."""

    account: int
    number: int
    uuid: str
    serial_number: str
    key: int
    registered: dt.date
    alias: str | None
    meters: tuple[int, ...]
    sessions: ChargingSchedule

    @property
    def registered_s(self) -> int:
        """The start of its data (UTC epoch seconds)."""
        return (self.registered.toordinal() - EPOCH_ORDINAL) * DAY_S


def build_charger(config: SimulatorConfig, account: int, number: int) -> Charger:
    """Build the account's charger with this number (from 0)."""
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
        sessions=ChargingSchedule(
            key + 1_000,
            registered.toordinal(),
            ZoneInfo(config.timezone),
            config.cheap_hours_parsed,
        ),
    )


class ChargerFleet:
    """All EV chargers. Safe to use from several threads."""

    def __init__(self, config: SimulatorConfig, accounts: list[SimulatedAccount]) -> None:
        """Create for each account the number in the settings."""
        self._offline_rate = config.ev_offline_rate
        self._by_account = {
            account.number: [
                build_charger(config, account.number, number)
                for number in range(config.ev_chargers)
            ]
            for account in accounts
        }
        self._by_uuid = {c.uuid: c for chargers in self._by_account.values() for c in chargers}
        self._forced: dict[str, list[tuple[float, float]]] = {}
        self._lock = threading.Lock()

    def of(self, account: SimulatedAccount) -> list[Charger]:
        """Return an account's chargers in the order of listing."""
        return self._by_account.get(account.number, [])

    def sessions_of(self, account: int) -> list[ChargingSchedule]:
        """Return the sessions of each charger of the account with this number."""
        return [charger.sessions for charger in self._by_account.get(account, [])]

    def get(self, uuid: str) -> Charger | None:
        """Return the charger with this UUID."""
        return self._by_uuid.get(uuid)

    def __getitem__(self, uuid: str) -> Charger:
        """Return the charger with this UUID. Raises `KeyError` for an unknown one."""
        if uuid not in self._by_uuid:
            raise KeyError(f"The simulator has no EV charger {uuid!r}.")
        return self._by_uuid[uuid]

    def take_offline(self, uuid: str, since_s: float) -> None:
        """Cut a charger's connection until further notice. Raises `KeyError` for an unknown one."""
        charger = self[uuid]
        with self._lock:
            self._forced.setdefault(charger.uuid, []).append((since_s, np.inf))

    def bring_online(self, uuid: str, at_s: float) -> None:
        """End all periods that `take_offline` began and that have not ended."""
        with self._lock:
            spans = self._forced.get(uuid, [])
            self._forced[uuid] = [(start, min(end, at_s)) for start, end in spans if start < at_s]

    def online_from(self, charger: Charger, times_s: npt.ArrayLike) -> Floats:
        """Return each time at which the charger was online, else when it is next; inf if never."""
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
        """Return the start of the offline period that contains a time; None if there is none."""
        starts, ends = self._spans(charger, time_s, time_s)
        inside = np.flatnonzero((starts <= time_s) & (time_s < ends))
        return float(starts[inside[0]]) if len(inside) else None

    def _spans(self, charger: Charger, from_s: float, to_s: float) -> tuple[Floats, Floats]:
        """Return starts and ends of the periods offline around a span, ordered and disjoint."""
        # A span that began the day before may reach into the period.
        first = max(int(from_s) // DAY_S + EPOCH_ORDINAL - 1, charger.registered.toordinal())
        days = np.arange(first, int(to_s) // DAY_S + EPOCH_ORDINAL + 2)
        days = days[uniform(charger.key + 10, days) < self._offline_rate]
        shortest, longest = _OFFLINE_S
        begin = np.floor((days - EPOCH_ORDINAL + uniform(charger.key + 11, days)) * DAY_S)
        length = shortest + (longest - shortest) * uniform(charger.key + 12, days)
        spans = list(zip(begin.tolist(), np.floor(begin + length).tolist(), strict=True))
        with self._lock:
            spans += self._forced.get(charger.uuid, [])
        merged: list[tuple[float, float]] = []
        for start, end in sorted(spans):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        pairs = np.array(merged, np.float64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]


def id_tags(charger: Charger) -> list[str]:
    """Return the numbers of the physical tags that belong to a charger."""
    return [f"{(charger.key >> (8 * n)) & 0xFFFFFFF:07x}" for n in range(2)]
