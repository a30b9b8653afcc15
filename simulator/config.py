"""Settings of a simulator and their permitted values.

Belongs here: the settings' meaning, defaults and checks. Does not belong here: how they are given
(`command_line`) or acted upon.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from simulator.http.faults import check_fault_rates
from simulator.rates import check_rates
from simulator.world.anomalies import ALL_KINDS
from simulator.world.cheap_hours import CheapHours

MAX_INVERTERS = 2_000
MAX_CHILDREN = 2_000
DATA_POINTS_CAP = 100_000
OTHER_LISTS_CAP = 100
API_VERSIONS = ("1.26", "1.35", "1.53")
FLOW_SHAPES = ("object", "array")
UNDOCUMENTED_SHAPES = ("list", "object")
CLEARED_MEANINGS = ("adds", "filters", "ignored")
METER_DATES = ("utc", "local", "utc, last included", "local, last included")
EV_METER_DATA_CAP = 1_000

AccountType = Literal["customer", "engineer", "company"]
ACCOUNT_TYPES: tuple[AccountType, ...] = ("customer", "engineer", "company")
TYPES_TEXT = "customer, engineer or company"
_CAPS = {"data-points": DATA_POINTS_CAP, "ev-meter-data": EV_METER_DATA_CAP}


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """A token, the account (1, 2, …) that it belongs to, and its scopes (None: all of them)."""

    token: str
    account: int = 1
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """Settings of a simulator. Times end in `_s` (seconds), sizes in `_bytes`.

    Attributes:
        host: Address to listen on.
        port: 0 takes a free one, which stays the same over stop and start.
        inverters: Inverters per account, up to 2,000; one more is listed for each of `gone`.
        seed: All generated data is derived from it.
        gateways: How many of the inverters are Gateways (path date = UTC day); default: every
            tenth, starting with the third.
        gone: Removed inverters: they stay listed, but their data is 404.
        odd_devices: List a communication device with `inverter: null` and one with `{}`.
        commissioned: Date for all inverters; default: each has its own in 2022 or 2023.
        timezone: The zone of the account and of local-day devices.
        rows_per_day: Mean number of data points of an inverter's day.
        empty_day_rate: Share of days on which an inverter was offline all day.
        clock: The fixed present (aware); default: the real time.
        recordings: Folder with `inverter_data_points_YYYY-MM-DD.json`.
        rate_limit: Requests per window and account.
        rate_window_s: Length of the window.
        retry_after: Whether a 429 has a Retry-After header.
        tokens: Tokens with account and scopes; default: one with all scopes, derived from the seed.
        subscription: If False, every response is 402.
        latency_s: Time from arrival to response.
        device_read_s: Additional time of a request that reads from a device.
        latency_jitter_s: Upper bound of a random addition to the latency.
        faults: Rate (0..1) by kind, see `simulator.http.faults.KINDS`.
        stall_s: Duration of a stall.
        storm_requests: Number of requests in a storm of 429.
        storm_s: Duration of a storm; default: it ends after `storm_requests`.
        oversized_bytes: Uncompressed size of an oversized body.
        anomalies: Rate (0..1) by kind, see `simulator.world.anomalies.ALL_KINDS`.
        page_size_caps: Largest page by listing name; the others have 100, data points 100,000.
        links_base: Base address of pagination links; default: this server.
        shift_after: By listing name, the number of page requests after which a row is inserted at
            the front, once.
        gzip: Compress responses if the client accepts it.
        ems: EMS per account, listed as communication devices; each manages up to three of the
            account's inverters.
        flows_as: How energy flows contain their rows: an "object" keyed "0", "1", … or an "array".
        flows_max_days: Longest range of a request for energy flows; default: any.
        flow_gap_rate: Share of half hours that energy flows never contain.
        events_cleared_means: What `cleared=1` does to a list of events: "adds" cleared ones
            to the open ones, "filters" for cleared ones only, "ignored" lists all either way.
        api_version: Version of the API: what later ones added is not served, and it is as strict
            about parameters as its documentation.
        more_settings: Settings of each inverter besides the usual ten.
        undocumented_as: What responses are whose shape no document shows: "list" or "object".
        meter_rows_every_s: Interval of the rows of an inverter's own meter.
        meter_dates: How the dates of its history are read: days of "utc" or "local" ones, without
            the last day, or followed by ", last included" with it.
        meter_max_days: Longest range of a request for its history; default: any.
        get_bodies_refused: Whether a request for its history is refused for its body.
        unavailable: Endpoints that return 404, as if the API did not have them; their names are
            those of their listings.
        refused: Endpoints that refuse every request, by the name of their listing: "422" for the
            API's own error response, "403 html" for a firewall's page.
        account_type: Type of the first account; others are customers.
        children: Accounts below the first one, whose devices an engineer or company may read. The
            first child of a company is an engineer who has access to the others.
        child_inverters: Inverters of each child.
        children_devices_listed: Whether an account's own list of communication devices holds its
            children's, too.
        clock_step_s: Time by which each request advances a fixed clock, so that lists grow while
            they are read.
        ev_chargers: EV chargers per account; children have none.
        ev_on_home_meter: Whether they are behind the meter of the account's first Gateway, or of
            its first inverter: their power is part of its load. If not, on a supply of their own.
        cheap_hours: Daily hours of cheap electricity by local time, such as "00:30-05:30": the
            batteries charge from the grid in them, and most cars wait for them. Default: none.
        without_battery: How many of the first inverters have panels only.
        battery_fade_per_year: Share of a battery's nominal capacity that it loses in a year.
        pv_degradation_per_year: Share of the panels' peak power that they lose in a year.
        chargers_404: The list of chargers of an account that has none is 404, not empty.
        ev_points_every_s: Time between two data points of a charger's meter.
        ev_offline_rate: Share of days on which a charger goes offline for some hours.
        meter_lists_required: Meter data of a charger without measurands or meters is 422;
            otherwise all are selected. Default: as the version has it, from 1.35 on.
        smart_devices: Smart devices per account; children have none.
        smart_points_every_s: Time between two data points of a smart device.
        site_status_approved: Whether the account is approved to read the status of sites.
        cache_bytes: Maximum size of the cache of response bodies.
        keep_alive_s: Time after which an idle connection is closed.
        requests_per_connection: Number of responses after which a connection is closed.
    """

    host: str = "127.0.0.1"
    port: int = 0
    inverters: int = 3
    seed: int = 1
    gateways: int | None = None
    gone: int = 0
    odd_devices: bool = False
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
    device_read_s: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)
    stall_s: float = 120.0
    storm_requests: int = 20
    storm_s: float | None = None
    oversized_bytes: int = 64 * 1024 * 1024
    anomalies: Mapping[str, float] = field(default_factory=dict)
    page_size_caps: Mapping[str, int] = field(default_factory=dict)
    links_base: str | None = None
    shift_after: Mapping[str, int] = field(default_factory=dict)
    gzip: bool = True
    ems: int = 0
    flows_as: str = "object"
    flows_max_days: int | None = None
    flow_gap_rate: float = 0.0005
    events_cleared_means: str = "adds"
    api_version: str = API_VERSIONS[-1]
    more_settings: int = 0
    undocumented_as: str = "list"
    meter_rows_every_s: int = 300
    meter_dates: str = METER_DATES[0]
    meter_max_days: int | None = None
    get_bodies_refused: bool = False
    unavailable: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    account_type: AccountType = "customer"
    children: int = 0
    child_inverters: int = 1
    children_devices_listed: bool = False
    clock_step_s: float = 0.0
    ev_chargers: int = 0
    ev_on_home_meter: bool = True
    cheap_hours: str | None = None
    without_battery: int = 0
    battery_fade_per_year: float = 0.022
    pv_degradation_per_year: float = 0.006
    chargers_404: bool = False
    ev_points_every_s: int = 60
    ev_offline_rate: float = 0.02
    meter_lists_required: bool | None = None
    smart_devices: int = 0
    smart_points_every_s: int = 300
    site_status_approved: bool = False
    cache_bytes: int = 128 * 1024 * 1024
    keep_alive_s: float = 75.0
    requests_per_connection: int | None = None

    def __post_init__(self) -> None:
        """Validate. Raises `ValueError` with the setting, its value and the permitted values."""
        _check(0 <= self.inverters <= MAX_INVERTERS, "inverters", self.inverters, "0 to 2000")
        _check(0 <= self.port <= 65_535, "port", self.port, "0 to 65535")
        _check(self.rate_limit >= 1, "rate limit", self.rate_limit, "1 or more")
        _check(self.rate_window_s > 0, "rate window", self.rate_window_s, "more than 0 s")
        _check(self.latency_s >= 0, "latency", self.latency_s, "0 s or more")
        _check(self.device_read_s >= 0, "time of a read", self.device_read_s, "0 s or more")
        _check(0 <= self.more_settings <= 500, "more settings", self.more_settings, "0 to 500")
        _check(self.rows_per_day >= 1, "rows per day", self.rows_per_day, "1 or more")
        _check(
            self.clock is None or self.clock.tzinfo is not None,
            "clock",
            self.clock,
            "a time with a time zone, such as 2025-06-01T12:00:00Z",
        )
        _check(
            self.recordings is None or self.recordings.is_dir(),
            "recordings folder",
            self.recordings,
            "an existing folder",
        )
        _check(self.account_type in ACCOUNT_TYPES, "account type", self.account_type, TYPES_TEXT)
        _check(0 <= self.children <= MAX_CHILDREN, "children", self.children, "0 to 2000")
        for name in ("child_inverters", "ev_chargers", "smart_devices"):
            _check(0 <= getattr(self, name) <= 1000, name, getattr(self, name), "0 to 1000")
        for name in ("ev_points_every_s", "smart_points_every_s"):
            _check(1 <= getattr(self, name) <= 86_400, name, getattr(self, name), "1 to 86400 s")
        _check(self.clock_step_s >= 0, "clock step", self.clock_step_s, "0 s or more")
        _check(0 <= self.ev_offline_rate <= 1, "EV offline rate", self.ev_offline_rate, "0 to 1")
        _check(0 <= self.ems <= 100, "number of EMS", self.ems, "0 to 100")
        _check(self.flows_as in FLOW_SHAPES, "flows", self.flows_as, " or ".join(FLOW_SHAPES))
        _check(
            self.flows_max_days is None or self.flows_max_days >= 1,
            "longest range of flows",
            self.flows_max_days,
            "1 day or more",
        )
        _check(0 <= self.flow_gap_rate <= 1, "rate of gaps in flows", self.flow_gap_rate, "0 to 1")
        _check(
            self.events_cleared_means in CLEARED_MEANINGS,
            "meaning of cleared",
            self.events_cleared_means,
            " or ".join(CLEARED_MEANINGS),
        )
        _check(
            self.meter_rows_every_s >= 1,
            "interval of meter rows",
            self.meter_rows_every_s,
            "1 s or more",
        )
        dates = self.meter_dates
        _check(dates in METER_DATES, "meter dates", dates, " or ".join(METER_DATES))
        _check(
            self.api_version in API_VERSIONS,
            "version of the API",
            self.api_version,
            " or ".join(API_VERSIONS),
        )
        _check(
            self.undocumented_as in UNDOCUMENTED_SHAPES,
            "undocumented shape",
            self.undocumented_as,
            " or ".join(UNDOCUMENTED_SHAPES),
        )
        for answer in self.refused.values():
            status, _, kind = answer.partition(" ")
            is_valid = status.isdecimal() and 400 <= int(status) <= 599 and kind in ("", "html")
            _check(is_valid, "refusal", answer, 'a status such as 422, or "403 html"')
        for name in ("battery_fade_per_year", "pv_degradation_per_year"):
            text = name.replace("_", " ")
            _check(0 <= getattr(self, name) <= 0.2, text, getattr(self, name), "0 to 0.2")
        ZoneInfo(self.timezone)
        _ = self.cheap_hours_parsed
        check_fault_rates(self.faults)
        check_rates(self.anomalies, ALL_KINDS, "anomaly")
        if not self.tokens:
            object.__setattr__(self, "tokens", (TokenGrant(default_token(self.seed)),))

    def has_version(self, since: str) -> bool:
        """Return whether the API has what was added in a version."""
        return API_VERSIONS.index(since) <= API_VERSIONS.index(self.api_version)

    @property
    def cheap_hours_parsed(self) -> CheapHours | None:
        """The cheap hours. Raises `ValueError` if they are not valid."""
        return CheapHours.parse(self.cheap_hours) if self.cheap_hours is not None else None

    @property
    def are_meter_lists_required(self) -> bool:
        """Whether a charger's meter data need both lists."""
        if self.meter_lists_required is not None:
            return self.meter_lists_required
        return self.has_version("1.35")

    def page_size_cap(self, listing: str) -> int:
        """Return the maximum page size of a listing."""
        return self.page_size_caps.get(listing, _CAPS.get(listing, OTHER_LISTS_CAP))


def default_token(seed: int) -> str:
    """Return the token of a simulator that was given none."""
    return f"simulator-{hashlib.sha256(f'token {seed}'.encode()).hexdigest()[:40]}"


def _check(is_valid: bool, name: str, value: object, allowed: str) -> None:
    if not is_valid:
        raise ValueError(f"The simulator's {name} is {value}; it must be {allowed}.")
