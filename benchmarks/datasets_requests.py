"""What a backfill brings, value by value, and what every dataset costs: at first, again, usually.

    python -m benchmarks.datasets_requests [--days 60] [--ev-points-every 60]

Simulates 3 inverters (one a Gateway), 2 EV chargers, an EMS and 2 smart devices without latency and
without a limit that matters. The minimum is what the endpoints' paging and filters leave no way
around; `_minimum` counts it. A usual day is what the schedules start, each run once, times
how often they do.
"""

import argparse
import contextlib
import io
import os
import re
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import dagster as dg

from benchmarks.datasets_truth import compare
from givenergy.codes import codes_with_flag
from pipelines.cli import main as givlake
from pipelines.definitions_factory import POLL_JOB, REFRESH_JOB, build_definitions, job_name
from pipelines.instance import open_instance
from pipelines.partitions import range_tags
from pipelines.selection import daily, selected
from pipelines.settings import load_settings
from simulator import Simulator, SimulatorConfig

_INVERTERS, _CHARGERS, _SMART = 3, 2, 2
_PAGE_CAPS = {"ev-meter-data": 10_000, "smart-device-data": 2_000, "charging-sessions": 1_000}
# Dataset by what its path looks like below the API's address.
_PATHS = {
    r"/account$": "accounts",
    r"/account-children": "account_children",
    r"/communication-device": "communication_devices",
    r"/ev-charger$": "ev_chargers",
    r"/meter-data/latest": "inverter_meter_readings",
    r"/ev-charger/.*/meter-data": "ev_meter_readings",
    r"/charging-sessions": "ev_charging_sessions",
    r"/commands$": "ev_charger_commands",
    r"/commands/": "ev_charger_configuration",
    r"/data-points/": "inverter_data_points",
    r"/events": "inverter_events",
    r"/ems/": "ems_readings",
    r"/inverter/.*/system-data/latest": "inverter_system_readings",
    r"/meter/data": "inverter_grid_meter_readings",
    r"/presets": "inverter_presets",
    r"/settings": "inverter_setting_definitions",
    r"/site$": "sites",
    r"/site/.*/status": "site_statuses",
    r"/smart-device$": "smart_devices",
    r"/smart-device/.*/data": "smart_device_readings",
}


def main() -> None:
    """Run, and print the tables of `datasets-results.md`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--ev-points-every", type=int, default=60, metavar="SECONDS")
    arguments = parser.parse_args()
    days = arguments.days
    start = date.today() - timedelta(days=days)
    config = SimulatorConfig(
        inverters=_INVERTERS,
        gateways=1,
        ev_chargers=_CHARGERS,
        ev_points_every_s=arguments.ev_points_every,
        ems=1,
        smart_devices=_SMART,
        commissioned=start,
        rate_limit=1_000_000,
        page_size_caps=_PAGE_CAPS,
        clock=datetime.now(UTC) + timedelta(hours=1),
    )
    with Simulator(config) as simulator, tempfile.TemporaryDirectory() as folder:
        environment = {
            "GIVENERGY_API_URL": simulator.base_url,
            "GIVENERGY_API_TOKEN": simulator.token,
            "GIVLAKE_DATA": str(Path(folder) / "data"),
            "COLUMNS": "200",
        }
        with patch.dict(os.environ, environment):
            first, first_s = _command(simulator, "backfill")
            compared = compare(simulator, Path(folder) / "data", start)
            second, second_s = _command(simulator, "backfill")
            minimum = _minimum(simulator, days)
            usual = _usual_day(simulator)
    print("| table | rows | truth | values compared | left out as personal | differing |")
    print("|---|---|---|---|---|---|")
    for of in compared:
        counts = (of.rows, of.truth, of.values, of.personal, len(of.differing))
        print(f"| {of.table} | {' | '.join(f'{count:,}' for count in counts)} |")
    print(*(text for of in compared for text in of.differing[:5]), sep="\n")
    print(f"First backfill of {days} days and today: {first_s:.0f} s; again: {second_s:.0f} s.\n")
    print("| dataset | requests | minimum | again |\n|---|---|---|---|")
    for name in sorted(first | minimum | second):
        print(f"| {name} | {first[name]} | {minimum.get(name, '')} | {second[name]} |")
    print(f"| all | {first.total()} | {sum(minimum.values())} | {second.total()} |\n")
    print("| started by | times a day | requests each | CPU s each | requests a day |")
    print("|---|---|---|---|---|")
    for what, times, requests, seconds in usual:
        print(f"| {what} | {times} | {requests} | {seconds:.1f} | {times * requests} |")
    print(f"| all | | | | {sum(times * requests for _, times, requests, _ in usual)} |")


def _command(simulator: Simulator, *arguments: str) -> tuple[Counter[str], float]:
    simulator.clear_requests()
    began = time.monotonic()
    with (
        patch.object(sys, "argv", ["givlake", *arguments]),
        contextlib.redirect_stdout(io.StringIO()) as said,
        contextlib.redirect_stderr(said),
    ):
        try:
            givlake()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(said.getvalue()) from end
    return _requests(simulator), time.monotonic() - began


def _requests(simulator: Simulator) -> Counter[str]:
    counted: Counter[str] = Counter()
    for request in simulator.requests:
        if request.path.endswith("/energy-flows"):
            counted["energy flows, both datasets"] += 1
            continue
        names = (name for path, name in _PATHS.items() if re.search(path, request.path))
        counted[next(names, request.path)] += 1
    return counted


def _minimum(simulator: Simulator, days: int) -> dict[str, int]:
    """Count the requests that no client could do without, for this account."""
    pages = {
        uuid: -(-len(simulator.truth_of("smart-device-data", uuid)) // 2_000)
        for uuid in simulator.smart_device_uuids
    }
    configured = sum(
        command not in codes_with_flag("charger_command", "without_data")
        for uuid in simulator.charger_uuids
        for command in simulator.truth_of("ev-commands", uuid)
    )
    ranges = -(-(days + 1) // 31)
    return {
        "accounts": 1,
        "account_children": 1,
        "inverter_grid_meter_readings": 1,
        "site_statuses": 1,
        "ev_charger_configuration": configured,
        "communication_devices": 1,
        "ev_chargers": 1,
        "smart_devices": 1,
        "sites": 1,
        "inverter_data_points": _INVERTERS * (days + 1),
        "ev_meter_readings": _CHARGERS * (days + 1),
        "energy flows, both datasets": _INVERTERS * (ranges + 4),
        "inverter_events": _INVERTERS,
        "ev_charging_sessions": _CHARGERS,
        "ev_charger_commands": _CHARGERS,
        "ems_readings": 1,
        "inverter_system_readings": _INVERTERS,
        "inverter_meter_readings": _INVERTERS,
        "inverter_presets": _INVERTERS,
        "inverter_setting_definitions": _INVERTERS,
        "smart_device_readings": sum(pages.values()),
    }


def _usual_day(simulator: Simulator) -> list[tuple[str, int, int, float]]:
    settings = load_settings()
    today = date.today()
    rows = []
    definitions = build_definitions(settings)

    def run(what: str, times: int, job: str, tags: dict[str, str]) -> None:
        simulator.clear_requests()
        began = time.process_time()
        with open_instance(settings) as instance:
            result = definitions.resolve_job_def(job).execute_in_process(
                instance=instance,
                tags=tags,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        assert result.success
        rows.append((what, times, len(simulator.requests), time.process_time() - began))

    def refresh(what: str, days_later: int) -> None:
        """Let the nightly schedule say what is due, and ask for that."""
        simulator.clear_requests()
        began = time.process_time()
        at = datetime.now(UTC) + timedelta(days=days_later, minutes=1)
        with open_instance(settings) as instance:
            with dg.build_schedule_context(instance, scheduled_execution_time=at) as context:
                ticked = definitions.get_schedule_def("refresh_daily").evaluate_tick(context)
            for wanted in ticked.run_requests:
                assert (
                    definitions.resolve_job_def(REFRESH_JOB)
                    .execute_in_process(instance=instance, asset_selection=wanted.asset_selection)
                    .success
                )
        rows.append((what, 1, len(simulator.requests), time.process_time() - began))

    run("poll", 96, POLL_JOB, {})
    refresh("refresh, nothing due: no run", 0)
    for dataset in daily(selected(settings)):
        schedule = definitions.get_schedule_def(f"{dataset.name}_today")
        times = _times_a_day(str(schedule.cron_schedule))
        run(f"{dataset.name}, today", times, job_name(dataset.name), range_tags(today, today))
    yesterday = today - timedelta(days=1)
    for dataset in daily(selected(settings)):
        first = yesterday - timedelta(days=dataset.lateness_days - 1)
        run(f"{dataset.name}, daily", 1, job_name(dataset.name), range_tags(first, yesterday))
    refresh("refresh, a usual night", 1)
    return rows


def _times_a_day(cron: str) -> int:
    minute, hour, *_ = cron.split()
    per_hour = 60 // int(minute.removeprefix("*/")) if minute.startswith("*/") else 1
    hours = 24 // int(hour.removeprefix("*/")) if hour.startswith("*/") else 24
    return per_hour * hours


if __name__ == "__main__":
    # Dagster's log would stand between the tables.
    dg.get_dagster_logger().setLevel("CRITICAL")
    main()
