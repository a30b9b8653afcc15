"""`givlake plan`: the requests and the time of a backfill."""

import json
import math
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import click

from assets.framework.contract.devices import Devices
from assets.inverter_setting_values import DATASET as INVERTER_SETTING_VALUES
from givenergy.server_clock import utc_now
from pipelines.account_budget import counts_requests
from pipelines.backfill_plan import BackfillTask
from pipelines.cli.backfill_scope import Scope
from pipelines.cli.common import (
    check_order,
    console,
    format_option,
    opened_for_reading,
    plural,
    printable,
    table,
    tell,
)
from pipelines.cli.context import pass_settings
from pipelines.cli.fetch_commands import choose_datasets, discover_devices, scope_options
from pipelines.cli.history_lookup import look_up_for_plan
from pipelines.device_lookup import ids_of
from pipelines.discovery import known_state_of
from pipelines.estimates.request_estimate import RequestEstimator
from pipelines.estimates.time_estimate import (
    Limit,
    Speed,
    TimeEstimate,
    earlier_rate,
    estimate_time,
    measure_load,
    measure_slowness,
)
from pipelines.known_devices import Discovery, extended_by_data
from pipelines.pending_builds import describe_pending
from pipelines.session_factory import open_session
from pipelines.settings import Settings
from pipelines.settings_to_read import setting_names_problem

_OUT = console()
_LIMITS = {
    Limit.API: "the API's {:,} requests a minute",
    Limit.MACHINE: "this machine: about {:,} requests a minute",
    Limit.CONNECTION: "the connection: about {:,} requests a minute",
}


@click.command()
@scope_options
@format_option("json")
@pass_settings
def plan(
    settings: Settings,
    start: date | None,
    end: date | None,
    names: tuple[str, ...],
    device_ids: tuple[str, ...],
    layout: str,
) -> None:
    """Show the number of requests and the time of a backfill.

    Requests the device lists, when the history of a few inverters and chargers begins, and the
    first pages of lists whose length is not known; changes nothing in the data folder.
    """
    scope = Scope(choose_datasets(settings, names), device_ids, start, end)
    check_order(start, end)
    began = utc_now()
    is_remembered = counts_requests(settings)
    with (
        opened_for_reading(settings, warn_if_empty=False, may_be_absent=True) as lake,
        tempfile.TemporaryDirectory(prefix="givlake-") as scratch,
        open_session(settings, scratch=Path(scratch), tell=tell) as session,
    ):
        discovery = discover_devices(settings, session, scope.chosen)
        device_ids = ids_of(discovery.all_devices, device_ids)
        scope = replace(scope, device_ids=device_ids)
        known = session if lake.is_empty else replace(session, lake=lake)
        estimator = RequestEstimator(session, known, scope.chosen, device_ids)
        estimator.count_account(began, is_remembered=is_remembered)
        estimator.count_lists(discovery)
        devices = extended_by_data(known.lake, discovery.choose(device_ids))
        if start is None:
            with estimator.counting("energy_flow_aggregates"):
                devices = look_up_for_plan(session, known, scope, devices)
        devices = estimator.look_up(devices)
        first, last, _ = scope.days(devices, session.zone)
        tasks = scope.tasks(devices, session.zone)
        estimator.count_days(tasks, devices)
        estimator.count_snapshots(devices)
        problems = (
            setting_names_problem(each, settings, scope.chosen)
            for each in (known.lake, session.lake)
        )
        if (problem := next(filter(None, problems), None)) is not None:
            console(stderr=True).print(printable(problem))
            del estimator.requests[INVERTER_SETTING_VALUES.name]
        speed = Speed(
            measure_slowness(),
            measure_load(),
            _latency_s(discovery),
            settings.connections,
            earlier_rate(known_state_of(known, devices)),
        )
        result = _Plan(
            _device_count(devices),
            first,
            last,
            tasks,
            estimator.requests,
            estimator.estimated,
            estimate_time(estimator.requests.total(), session.budget.snapshot(), speed),
            describe_pending(lake),
        )
    if layout == "json":
        print(json.dumps(result.as_json(), indent=2))
    else:
        result.show()


@dataclass(frozen=True, slots=True)
class _Plan:
    """A planned backfill: its days, requests by dataset, and time."""

    device_count: int
    first: date
    last: date
    tasks: Sequence[BackfillTask]
    requests: Counter[str]
    estimated: Sequence[str]
    time: TimeEstimate
    not_built: str | None

    def show(self) -> None:
        """Print it as a table, with a sentence about the time."""
        _OUT.print(f"{plural(self.device_count, 'device')}, {self.first} to {self.last}:")
        columns = ("dataset", "device-days", "fetched", "to fetch", "requests")
        _OUT.print(table(columns, self._rows(), columns[1:]))
        if unlisted := sum(task.unlisted for task in self.tasks):
            _OUT.print(
                f"{plural(unlisted, 'device-day')} to fetch before the listed commissioning or"
                " after the last contact of the device: included because they were named, or by"
                " sync."
            )
        if self.estimated:
            names = ", ".join(sorted(self.estimated))
            _OUT.print(f"Number of pages estimated from a few responses: {names}.")
        if self.requests[INVERTER_SETTING_VALUES.name]:
            _OUT.print(
                f"{INVERTER_SETTING_VALUES.name} asks the inverters themselves, one setting after"
                " another: its requests can take some seconds each, besides the time below."
            )
        requests = self.requests.total()
        _OUT.print(
            f"About {plural(requests, 'request')},"
            f" {time_range(self.time.least_s, self.time.most_s)}."
        )
        _OUT.print(f"Limited by {_LIMITS[self.time.limit].format(self.time.per_minute)}.")
        if self.not_built is not None:
            _OUT.print(self.not_built)

    def _rows(self) -> list[tuple[str, ...]]:
        by_day = {}
        for task in self.tasks:
            expected, to_fetch = task.days_by_state.total(), task.to_fetch.total()
            by_day[task.dataset.name] = (expected, expected - to_fetch, to_fetch)
        names = [*by_day, *(name for name in self.requests if name not in by_day)]
        return [
            (
                name,
                *(f"{count:,}" for count in by_day.get(name, ())),
                *([""] * 3 if name not in by_day else []),
                f"{self.requests[name]:,}",
            )
            for name in names
            if name in by_day or self.requests[name]
        ]

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "devices": self.device_count,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "device_days": {
                task.dataset.name: {
                    "expected": task.days_by_state.total(),
                    "to_fetch": task.to_fetch.total(),
                }
                for task in self.tasks
            },
            "requests": dict(self.requests),
            "total_requests": self.requests.total(),
            "estimated": sorted(self.estimated),
            "least_s": round(self.time.least_s),
            "most_s": math.ceil(self.time.most_s),
            "limited_by": self.time.limit,
            "requests_per_minute": self.time.per_minute,
        }


def time_range(least_s: float, most_s: float) -> str:
    """Return a range of time in the unit of its upper bound, rounded outwards."""
    if most_s <= 90:
        unit, step_s = "seconds", 1
    elif most_s < 5400:
        unit, step_s = "minutes", 60
    else:
        unit, step_s = "hours", 3600
    decimals = 1 if step_s == 3600 else 0
    scale = 10**decimals
    least = math.floor(least_s / step_s * scale) / scale
    most = math.ceil(most_s / step_s * scale) / scale
    if step_s == 1:
        least, most = least // 5 * 5, -(-most // 5) * 5
    if not least:
        return f"up to {most:.{decimals}f} {unit}"
    return f"{least:.{decimals}f} to {most:.{decimals}f} {unit}"


def _device_count(devices: Devices) -> int:
    return len({device.device_id for kind in devices.values() for device in kind})


def _latency_s(discovery: Discovery) -> float:
    """Return the usual time of the requests for the device lists."""
    totals = [report.total for report in discovery.reports.values() if report.total.request_s]
    return median(total.request_s / total.requests for total in totals) if totals else 0.0
