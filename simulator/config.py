"""Settings of a simulator and what they are allowed to be.

Belongs here: the settings' meaning, defaults and checks. Does not belong here: how they are given
(``command_line``) or acted upon.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from simulator import faults, odd

MOST_INVERTERS = 2_000
DATA_POINTS_CAP = 100_000
OTHER_LISTS_CAP = 100


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """A token, the account (1, 2, …) that it belongs to, and its scopes (None: all of them)."""

    token: str
    account: int = 1
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """What a simulator is to be like. Times end in ``_s`` (seconds), sizes in ``_bytes``.

    Attributes:
        host: Address to listen on; anything but loopback has to be asked for.
        port: 0 takes a free one, which then stays the same over stop and start.
        inverters: Inverters per account, up to 2,000; one more is listed for each of ``gone``.
        seed: Everything that is invented follows from it.
        gateways: How many of the inverters are Gateways (path date = UTC day); default: every
            tenth, starting with the third.
        gone: Inverters that stay listed although their data is 404.
        bare_devices: List a communication device with ``inverter: null`` and one with ``{}``.
        commissioned: Date for all inverters; default: each its own in 2022 or 2023.
        timezone: The zone of the account and of local-day devices.
        rows_per_day: Mean number of data points of an inverter's day.
        empty_day_rate: Share of days on which an inverter was offline all day.
        clock: The present, fixed (aware); default: the real one.
        recordings: Folder with ``inverter_data_points_YYYY-MM-DD.json``.
        rate_limit: Requests per window and account.
        rate_window_s: Length of the window.
        retry_after: Whether a 429 says when to come back.
        tokens: Who may do what; default: one token with all scopes, derived from the seed.
        subscription: False answers everything with 402.
        latency_s: From arrival to answer; ``latency_jitter_s`` is added at random up to its value.
        faults: Rate (0..1) by kind, see ``simulator.faults.KINDS``.
        stall_s: How long a stalled answer stalls.
        storm_requests: How many requests a storm of 429 lasts; ``storm_s`` limits it in time.
        oversized_bytes: Size of an oversized body, unpacked.
        odd: Rate (0..1) by kind of odd content, see ``simulator.odd.KINDS``.
        page_size_caps: Largest page by listing name; the others have 100, data points 100,000.
        links_base: Where pagination links point to; default: this server.
        shift_after: By listing name, the number of page requests after which a row is inserted at
            the front, once.
        gzip: Compress when the client accepts it.
        cache_bytes: Bound of the cache of answers.
        keep_alive_s: Idle connections are closed after it.
        requests_per_connection: Close a connection after so many answers.
    """

    host: str = "127.0.0.1"
    port: int = 0
    inverters: int = 3
    seed: int = 1
    gateways: int | None = None
    gone: int = 0
    bare_devices: bool = True
    commissioned: dt.date | None = None
    timezone: str = "Europe/London"
    rows_per_day: int = 400
    empty_day_rate: float = 0.01
    clock: dt.datetime | None = None
    recordings: Path | None = None
    rate_limit: int = 300
    rate_window_s: float = 60.0
    retry_after: bool = False
    tokens: tuple[TokenGrant, ...] = ()
    subscription: bool = True
    latency_s: float = 0.0
    latency_jitter_s: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)
    stall_s: float = 120.0
    storm_requests: int = 20
    storm_s: float | None = None
    oversized_bytes: int = 64 * 1024 * 1024
    odd: Mapping[str, float] = field(default_factory=dict)
    page_size_caps: Mapping[str, int] = field(default_factory=dict)
    links_base: str | None = None
    shift_after: Mapping[str, int] = field(default_factory=dict)
    gzip: bool = True
    cache_bytes: int = 128 * 1024 * 1024
    keep_alive_s: float = 75.0
    requests_per_connection: int | None = None

    def __post_init__(self) -> None:
        """Raises ``ValueError`` that names the setting, its value and what it may be."""
        _check(0 <= self.inverters <= MOST_INVERTERS, "inverters", self.inverters, "0 to 2000")
        _check(0 <= self.port <= 65_535, "port", self.port, "0 to 65535")
        _check(self.rate_limit >= 1, "rate limit", self.rate_limit, "1 or more")
        _check(self.rate_window_s > 0, "rate window", self.rate_window_s, "more than 0 s")
        _check(self.latency_s >= 0, "latency", self.latency_s, "0 s or more")
        _check(self.rows_per_day >= 1, "rows per day", self.rows_per_day, "1 or more")
        _check(
            self.clock is None or self.clock.tzinfo is not None,
            "clock",
            self.clock,
            "a time with a zone, such as 2025-06-01T12:00:00Z",
        )
        _check(
            self.recordings is None or self.recordings.is_dir(),
            "recordings folder",
            self.recordings,
            "a folder that exists",
        )
        ZoneInfo(self.timezone)
        faults.check_rates(self.faults)
        odd.check_kinds(self.odd)
        if not self.tokens:
            object.__setattr__(self, "tokens", (TokenGrant(default_token(self.seed)),))

    def page_size_cap(self, listing: str) -> int:
        """The largest page that a listing gives."""
        default = DATA_POINTS_CAP if listing == "data-points" else OTHER_LISTS_CAP
        return self.page_size_caps.get(listing, default)


def default_token(seed: int) -> str:
    """The token of a simulator that was given none: long and unlike any other text."""
    return f"simulator-{hashlib.sha256(f'token {seed}'.encode()).hexdigest()[:40]}"


def _check(good: bool, name: str, value: object, allowed: str) -> None:
    if not good:
        raise ValueError(f"The simulator's {name} is {value}; it must be {allowed}.")
