"""Count the requests of every dataset: of a first backfill, of the next one, of a usual day.

    python -m benchmarks.datasets.request_counts [--days 60] [--ev-points-every 600]

Simulates 3 inverters (one a Gateway), 2 EV chargers, an EMS and 2 smart devices without latency and
without a limit that matters. The minimum is what the endpoints' paging and filters require. A usual
day is what the schedules start: each run once, times how often they start it. CPU includes the
simulator's.
"""

import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import dagster as dg

from assets.registry import datasets
from benchmarks.common import owner_of, parser, print_load, print_table
from givenergy.endpoints.inverter_endpoints import ENERGY_FLOWS
from pipelines.definitions_factory import POLL_JOB, REFRESH_JOB, job_name
from pipelines.partitions import range_tags
from pipelines.selection import daily, selected
from pipelines.settings import load_settings
from simulator import Simulator, SimulatorConfig
from tests.support.minimum_requests import minimum_requests
from tests.support.owner import Owner

INVERTERS, CHARGERS, SMART_DEVICES = 3, 2, 2
PAGE_CAPS = {
    "ev-meter-data": 10_000,
    "smart-device-data": 2_000,
    "charging-sessions": 1_000,
    "inverter-meter-data": 20_000,
}
FLOWS = "energy flows, both datasets"
# Datasets by method and a pattern of their paths.
PATHS = {
    f"{dataset.endpoint.method} .*{re.sub(r'{[a-z]+}', '[^/]+', dataset.endpoint.path)}": (
        FLOWS if dataset.endpoint == ENERGY_FLOWS else dataset.name
    )
    for dataset in datasets()
}


def requests_by_dataset(simulator: Simulator) -> Counter[str]:
    """Count the requests so far by the dataset that their paths belong to."""
    counted: Counter[str] = Counter()
    for request in simulator.requests:
        sent = f"{request.method} {request.path}"
        names = (name for path, name in PATHS.items() if re.fullmatch(path, sent))
        counted[next(names, sent)] += 1
    return counted


def minimum_of(simulator: Simulator, days: int) -> dict[str, int]:
    """Count the requests that no client could do without; those for energy flows together."""
    minimum = minimum_requests(simulator, days)
    flows = minimum.pop("energy_flows") + minimum.pop("energy_flow_aggregates")
    return {**minimum, FLOWS: flows}


def usual_day(simulator: Simulator, owner: Owner) -> list[tuple[str, int, int, float]]:
    """Run what the schedules start: name, times a day, requests and CPU seconds of each."""
    today = datetime.now(UTC).date()
    rows = []
    with owner.dagster() as (definitions, instance):

        def measured(what: str, times: int, execute: Callable[[], None]) -> None:
            simulator.clear_requests()
            began = time.process_time()
            execute()
            rows.append((what, times, len(simulator.requests), time.process_time() - began))

        def run(job: str, tags: dict[str, str]) -> None:
            result = definitions.resolve_job_def(job).execute_in_process(
                instance=instance,
                tags=tags,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
            assert result.success

        def refresh(days_later: int) -> None:
            """Let the nightly schedule say what is due, and run that."""
            at = datetime.now(UTC) + timedelta(days=days_later, minutes=1)
            with dg.build_schedule_context(instance, scheduled_execution_time=at) as context:
                ticked = definitions.resolve_schedule_def("refresh_daily").evaluate_tick(context)
            for wanted in ticked.run_requests or ():
                job = definitions.resolve_job_def(REFRESH_JOB)
                assert job.execute_in_process(
                    instance=instance, asset_selection=wanted.asset_selection
                ).success

        measured("poll", 96, partial(run, POLL_JOB, {}))
        measured("refresh, nothing due: no run", 1, partial(refresh, 0))
        chosen = daily(selected(load_settings()))
        for dataset in chosen:
            schedule = definitions.resolve_schedule_def(f"{dataset.name}_today")
            tags = range_tags(today, today)
            times = times_a_day(str(schedule.cron_schedule))
            measured(f"{dataset.name}, today", times, partial(run, job_name(dataset.name), tags))
        yesterday = today - timedelta(days=1)
        for dataset in chosen:
            tags = range_tags(yesterday - timedelta(days=dataset.lateness_days - 1), yesterday)
            measured(f"{dataset.name}, daily", 1, partial(run, job_name(dataset.name), tags))
        measured("refresh, a usual night", 1, partial(refresh, 1))
    return rows


def times_a_day(cron: str) -> int:
    """Count how often a schedule starts."""
    minute, hour, *_ = cron.split()
    per_hour = 60 // int(minute.removeprefix("*/")) if minute.startswith("*/") else 1
    hours = 24 // int(hour.removeprefix("*/")) if hour.startswith("*/") else 24
    return per_hour * hours


def backfill(simulator: Simulator, owner: Owner) -> tuple[Counter[str], float]:
    """Backfill everything; returns requests by dataset, and seconds."""
    simulator.clear_requests()
    began = time.monotonic()
    done = owner.givlake("backfill")
    if done.status:
        raise SystemExit(done.output)
    return requests_by_dataset(simulator), time.monotonic() - began


def main() -> None:
    """Run, and print Markdown."""
    arguments = parser(__doc__)
    arguments.add_argument("--days", type=int, default=60)
    arguments.add_argument("--ev-points-every", type=int, default=600, metavar="SECONDS")
    options = arguments.parse_args()
    now = datetime.now(UTC)
    config = SimulatorConfig(
        inverters=INVERTERS,
        gateways=1,
        ev_chargers=CHARGERS,
        ev_points_every_s=options.ev_points_every,
        ems=1,
        smart_devices=SMART_DEVICES,
        commissioned=now.date() - timedelta(days=options.days),
        rate_limit=100_000,
        page_size_caps=PAGE_CAPS,
        clock=now + timedelta(hours=1),
    )
    dg.get_dagster_logger().setLevel("CRITICAL")
    print_load()
    with Simulator(config) as simulator, tempfile.TemporaryDirectory() as folder:
        owner = owner_of(simulator, Path(folder), COLUMNS="200")
        first, first_s = backfill(simulator, owner)
        second, second_s = backfill(simulator, owner)
        minimum = minimum_of(simulator, options.days)
        usual = usual_day(simulator, owner)
    print(f"First backfill of {options.days} days and today: {first_s:.0f} s; again:", end=" ")
    print(f"{second_s:.0f} s.\n")
    rows: list[tuple[object, ...]] = [
        (name, first[name], minimum.get(name, ""), second[name])
        for name in sorted(first | minimum | second)
    ]
    rows.append(("all", first.total(), sum(minimum.values()), second.total()))
    print_table(("dataset", "requests", "minimum", "again"), rows)
    days: list[tuple[object, ...]] = [
        (what, times, requests, f"{cpu_s:.1f}", times * requests)
        for what, times, requests, cpu_s in usual
    ]
    days.append(("all", "", "", "", sum(times * requests for _, times, requests, _ in usual)))
    print_table(
        ("started by", "times a day", "requests each", "CPU s each", "requests a day"), days
    )


if __name__ == "__main__":
    main()
