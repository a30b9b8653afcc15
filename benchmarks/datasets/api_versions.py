"""Backfill a small home from each version of the API: tables, values and requests.

    python -m benchmarks.datasets.api_versions [--days 10]

Simulates 2 inverters, an EMS, an EV charger and a smart device without latency and without a limit
that matters. Each value that the simulator has is compared with the column that the data
dictionary names for it. The surplus are the requests above the minimum that a first backfill is
known to make; `tests/support/minimum_requests.py` says why.
"""

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.common import owner_of, parser, print_load, print_table
from benchmarks.datasets.request_counts import PAGE_CAPS
from simulator import Simulator, SimulatorConfig
from simulator.config import API_VERSIONS
from tests.support.minimum_requests import known_surplus, minimum_requests
from tests.support.table_comparison import TableComparison, compare_tables


def measured(version: str, days: int) -> tuple[tuple[object, ...], list[TableComparison]]:
    """Backfill from a version; return its row of the first table, and every table compared."""
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    start = now.date() - timedelta(days=days)
    config = SimulatorConfig(
        inverters=2,
        gateways=0,
        ems=1,
        ev_chargers=1,
        smart_devices=1,
        rate_limit=100_000,
        page_size_caps=PAGE_CAPS,
        commissioned=start,
        clock=now,
        api_version=version,
    )
    with Simulator(config) as simulator, tempfile.TemporaryDirectory() as folder:
        owner = owner_of(simulator, Path(folder))
        planned = json.loads(owner.givlake("plan", "--format", "json").out)["total_requests"]
        simulator.clear_requests()
        done = owner.givlake("backfill")
        if done.status:
            raise SystemExit(done.output)
        sent = len(simulator.requests)
        compared = compare_tables(simulator, owner.data, start)
        minimum = sum(minimum_requests(simulator, days).values())
        surplus = sum(known_surplus(simulator).values())
    return (
        version,
        sum(bool(each.rows) for each in compared),
        f"{sum(each.rows for each in compared):,}",
        f"{sum(each.values for each in compared):,}",
        sum(each.personal for each in compared),
        sum(len(each.differing) for each in compared),
        planned,
        sent,
        minimum,
        surplus,
    ), compared


def main() -> None:
    """Run, and print Markdown."""
    arguments = parser(__doc__)
    arguments.add_argument("--days", type=int, default=10)
    options = arguments.parse_args()
    print_load()
    rows = []
    tables: dict[str, list[int]] = {}
    for version in API_VERSIONS:
        row, compared = measured(version, options.days)
        rows.append(row)
        for each in compared:
            tables.setdefault(each.table, []).append(each.rows)
            print(*each.differing[:5], sep="\n", end="\n" if each.differing else "")
    print_table(
        (
            "version", "tables with rows", "rows", "values", "left out as personal", "differences",
            "planned requests", "requests", "minimum", "surplus",
        ),
        rows,
    )  # fmt: skip
    print_table(("rows of", *API_VERSIONS), [(name, *counts) for name, counts in tables.items()])


if __name__ == "__main__":
    main()
