"""Estimate how long a backfill takes: what the API allows, and what machine and connection do.

The API's part follows from its limit. The machine's is measured: by the rate of earlier runs of the
data folder, else by a short piece of work, compared with the machine on which
`benchmarks/budget/plan_against_backfill.py` has measured the time for a request.
"""

import math
import os
import time
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

import msgspec

from assets.framework.contract.known_state import KnownState
from givenergy.budget.request_budget import BudgetSnapshot

# Measured CPU time: from a request to rows in the tables, and what does not depend on the number of
# requests, on a machine that does the piece of work in `_REFERENCE_S`.
_EACH_S = 0.035
_FIXED_S = 18.0
_REFERENCE_S = 0.00045
_MEASURED_S = 0.1
# Fewer minutes with requests throughout do not show a rate.
_FEWEST_MINUTES = 2
# How far a request's time is from the mean, by the mix of datasets and what else the machine does.
_FASTER, _SLOWER = 0.6, 1.7
_SLOWER_IF_MEASURED = 1.35


class Limit(StrEnum):
    """What limits the rate of requests."""

    API = "api"
    MACHINE = "machine"
    CONNECTION = "connection"


@dataclass(frozen=True, slots=True)
class TimeEstimate:
    """How long requests take.

    Attributes:
        least_s: Lower bound, in seconds.
        most_s: Upper bound, in seconds.
        limit: What limits the rate.
        per_minute: Requests a minute at this limit; the API's are shared with other programs.
    """

    least_s: float
    most_s: float
    limit: Limit
    per_minute: int


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast machine and connection are.

    Attributes:
        slowness: How long its processor takes for what the reference machine's does in 1 s.
        load: How many processes want each processor, at least 1.
        latency_s: The usual time of a request; 0 if unknown.
        connections: Requests that are made at the same time.
        earlier_per_minute: Requests a minute in earlier runs; None if there were none.
    """

    slowness: float
    load: float
    latency_s: float
    connections: int
    earlier_per_minute: float | None = None


def estimate_time(requests: int, budget: BudgetSnapshot, speed: Speed) -> TimeEstimate:
    """Estimate the time of a backfill.

    Args:
        requests: Its requests.
        budget: The account's budget now.
        speed: Machine and connection.
    """
    allowed = max(1, budget.limit - budget.reserve - budget.others_expected)
    api_s = budget.seconds_for(requests)
    machine_each_s = _EACH_S * speed.slowness
    wire_each_s = speed.latency_s / speed.connections
    each_s, limit = max(
        (machine_each_s * speed.load, Limit.MACHINE), (wire_each_s, Limit.CONNECTION)
    )
    # What else the machine does may end soon; or work and waits for the API do not overlap.
    least_each_s = _FASTER * max(machine_each_s, wire_each_s)
    most_s = api_s + _SLOWER * each_s * requests
    # A rate near the API's limit shows only that the machine was not slower.
    if speed.earlier_per_minute is not None and speed.earlier_per_minute < 0.8 * allowed:
        # A lower one may have had other reasons then, such as other programs or a reserve.
        most_s = max(api_s, _SLOWER_IF_MEASURED * 60 / speed.earlier_per_minute * requests)
    fixed_s = _FIXED_S * speed.slowness if requests else 0.0
    least_s = max(api_s, least_each_s * requests) + fixed_s / 2
    most_s += 2 * speed.load * fixed_s
    per_minute = 60 / each_s
    if per_minute >= allowed:
        return TimeEstimate(least_s, most_s, Limit.API, budget.limit)
    return TimeEstimate(least_s, most_s, limit, round(per_minute))


def earlier_rate(state: KnownState) -> float | None:
    """Return the requests a minute of earlier runs, from the times of stored responses."""
    sql = resources.files(__package__).joinpath("sql/requests_per_minute.sql").read_text()
    (row,) = state.rows(sql)
    return row["per_minute"] if row["minutes"] >= _FEWEST_MINUTES else None


def measure_slowness() -> float:
    """Return how slow this machine's processor is, compared with the reference machine's."""
    rows = [{"time": "2025-06-01T12:00:00Z", "power": {"value": n / 7}} for n in range(1_000)]
    least_s = math.inf
    began = time.perf_counter()
    while time.perf_counter() - began < _MEASURED_S or least_s == math.inf:
        # CPU time, and the least of it: what else the machine does is measured by its load.
        round_began = time.thread_time()
        decoded = msgspec.json.decode(msgspec.json.encode(rows))
        sum(row["power"]["value"] for row in decoded if row["time"].endswith("Z"))
        least_s = min(least_s, time.thread_time() - round_began)
    return least_s / _REFERENCE_S


def measure_load() -> float:
    """Return how many processes want each processor, at least 1: so much longer each may take."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
