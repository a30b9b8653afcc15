"""Compare what `givlake plan` says with what the `givlake backfill` after it takes.

    python -m benchmarks.budget.plan_against_backfill [--account one|all] [--limit 300 …]
        [--latency 0 …] [--days 730]

Account `one` has an inverter, `all` three inverters (one a Gateway), a charger, an EMS and a smart
device. Each is fetched into a new folder, and into one that has the newest quarter of its days. The
simulator runs in a process of its own and counts the requests. `CPU` is that of the backfill.
"""

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.common import (
    heading,
    measure,
    owner_of,
    parser,
    print_load,
    program,
    row,
    simulator_process,
)
from benchmarks.datasets.request_counts import PATHS
from simulator.control import Control
from tests.support.owner import Owner

ACCOUNTS = {
    "one": ("--inverters", 1, "--gateways", 0),
    "all": ("--inverters", 3, "--ev-chargers", 1, "--ems", 1, "--smart-devices", 1),
}
DAYS = {"one": 730, "all": 90}
FLOWS = "energy flows, both datasets"
ACCOUNT = "account of the token"
COLUMNS = (
    "account",
    "folder",
    "limit",
    "latency ms",
    "planned",
    "sent",
    "difference",
    "planned s",
    "took s",
    "CPU s",
    "limited by",
    "differ",
)


def requests_by_dataset(simulator: Control) -> Counter[str]:
    """Count the requests so far by the dataset that their paths belong to."""
    counted: Counter[str] = Counter()
    for request in simulator.requests():
        path = request["path"]
        names = (name for pattern, name in PATHS.items() if re.search(pattern, path))
        counted[FLOWS if path.endswith("/energy-flows") else next(names, path)] += 1
    return counted


def planned_by_dataset(plan: dict[str, Any]) -> Counter[str]:
    """Return the planned requests, named as `requests_by_dataset` does."""
    planned = Counter(plan["requests"])
    planned[FLOWS] = planned.pop("energy_flows", 0) + planned.pop("energy_flow_aggregates", 0)
    planned["accounts"] += planned.pop(ACCOUNT, 0)
    return planned


def compare(simulator: Control, owner: Owner) -> tuple[str, ...]:
    """Plan and backfill; return the cells from `planned` on."""
    plan = json.loads(measure([program("givlake"), "plan", "--format", "json"], owner).output)
    simulator.clear_requests()
    used = measure([program("givlake"), "backfill"], owner)
    planned, sent = planned_by_dataset(plan), requests_by_dataset(simulator)
    differing = [
        f"{name} {planned[name]}:{sent[name]}"
        for name in sorted(planned | sent)
        if planned[name] != sent[name]
    ]
    return (
        str(planned.total()),
        str(sent.total()),
        f"{planned.total() / sent.total() - 1:+.1%}",
        f"{plan['least_s']}-{plan['most_s']}",
        f"{used.wall_s:.0f}",
        f"{used.cpu_s:.0f}",
        f"{plan['limited_by']}, {plan['requests_per_minute']}/min",
        ", ".join(differing),
    )


def cases(account: str, limit: int, latency_s: float, days: int) -> Iterator[tuple[object, ...]]:
    """Measure an account, with a new folder and with one that has some days."""
    today = datetime.now(UTC).date()
    options = (
        *ACCOUNTS[account],
        *("--commissioned", today - timedelta(days=days)),
        *("--rate-limit", limit, "--latency", latency_s),
    )
    first_cells = (limit, f"{latency_s * 1000:.0f}")
    for folder in ("new", "partly filled"):
        with simulator_process(*options) as simulator, tempfile.TemporaryDirectory() as place:
            owner = owner_of(simulator, Path(place))
            if folder != "new":
                start = today - timedelta(days=days // 4)
                measure([program("givlake"), "backfill", "--start", start], owner)
            yield (f"{account}, {days} days", folder, *first_cells, *compare(simulator, owner))


def main() -> None:
    """Run, and print Markdown."""
    arguments = parser(__doc__)
    arguments.add_argument("--account", nargs="+", choices=ACCOUNTS, default=list(ACCOUNTS))
    arguments.add_argument("--limit", nargs="+", type=int, default=[300, 3000])
    arguments.add_argument("--latency", nargs="+", type=float, default=[0.0, 0.05], metavar="S")
    arguments.add_argument("--days", type=int, help="default: 730 of `one`, 90 of `all`")
    options = arguments.parse_args()
    print_load()
    print(heading(*COLUMNS), flush=True)
    for account, limit, latency_s in product(options.account, options.limit, options.latency):
        for cells in cases(account, limit, latency_s, options.days or DAYS[account]):
            print(row(*cells), flush=True)


if __name__ == "__main__":
    main()
