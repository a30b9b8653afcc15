"""Inject every fault and every kind of anomalous content, each under a real `givlake backfill`.

    python -m benchmarks.provability.fault_matrix FOLDER [--only TEXT]

Each row of the table is a simulated account and a data folder of its own. Afterwards the table is
compared with the simulator's rows, leaf by leaf where content is sound; where it is anomalous,
every row that was sent must be in the table or in quarantine, once. Requests are counted in the
simulator's log. The output of each command is kept in `FOLDER/NN/said-N.txt`. Ends with 1 on a
wrong exit status, or if a row is lost or doubled.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.common import heading, new_folder, owner_of, parser, row
from simulator import Simulator, SimulatorConfig
from tests.support.owner import CommandResult, Owner, finished
from tests.support.simulator_truth import assert_same, days_between, expected_rows

DAYS = days_between(date(2025, 5, 1), date(2025, 5, 15))
PLANTED_DAY = f"data-points/{DAYS[3]}"
# A storm of twenty refusals is probed once a minute.
TIMEOUT_S = 1500
STANDARD: dict[str, Any] = {
    "inverters": 2,
    "seed": 7,
    "rate_limit": 100_000,
    "rows_per_day": 100,
    "empty_day_rate": 0.0,
    "commissioned": date(2024, 1, 1),
}
TRANSPORT = ("5xx", "reset", "reset_body", "close", "truncated", "truncated_length")
BODIES = ("empty", "null", "no_data", "html", "not_json", "gzip_broken")
ANOMALIES = (
    "numeric_strings", "unknown_status", "extra_fields", "unparsable_time", "missing_time",
    "null_time", "time_years_away", "out_of_range", "unsigned_negative", "booleans",
    "nested_null", "null_counters", "arrays_null", "arrays_empty", "arrays_three", "wrong_types",
    "not_an_object", "duplicate_row", "out_of_order",
)  # fmt: skip
NO_ROWS = {
    "rows that are no objects": b'{"data": [1, "x", null, []]}',
    "an object in place of the list": b'{"data": {"x": 1}}',
    "a text in place of the list": b'{"data": "nonsense"}',
}
KILLS_AT = (4, 9, 14, 19, 24)
Commands = Callable[[Simulator, Owner, list[date]], list[CommandResult]]


def backfill(owner: Owner, days: list[date], *more: str) -> CommandResult:
    """Run the command to its end."""
    process = owner.start("backfill", "--start", days[0], "--end", days[-1], *more)
    return finished(process, TIMEOUT_S)


def once(_: Simulator, owner: Owner, days: list[date]) -> list[CommandResult]:
    """Run the command once."""
    return [backfill(owner, days)]


def repaired(sim: Simulator, owner: Owner, days: list[date], *more: str) -> list[CommandResult]:
    """Run the command, end the fault, run the command again."""
    first = backfill(owner, days)
    sim.clear_failures()
    sim.set_faults({})
    return [first, backfill(owner, days, *more)]


def refetched(sim: Simulator, owner: Owner, days: list[date]) -> list[CommandResult]:
    """Fetch everything again once the fault has ended."""
    return repaired(sim, owner, days, "--refetch")


def killed(sim: Simulator, owner: Owner, days: list[date]) -> list[CommandResult]:
    """Kill the command in the middle of its work several times, then let it finish."""
    ends = []
    for wanted in KILLS_AT:
        process = owner.start("backfill", "--start", days[0], "--end", days[-1])
        while process.poll() is None and len(data_requests(sim)) < wanted:
            time.sleep(0.002)
        process.kill()
        ends.append(finished(process))
    return [*ends, backfill(owner, days)]


def offline(sim: Simulator, owner: Owner, days: list[date]) -> list[CommandResult]:
    """Take the network away in the middle, and bring it back."""
    process = owner.start("backfill", "--start", days[0], "--end", days[-1])
    while process.poll() is None and len(data_requests(sim)) < 8:
        time.sleep(0.005)
    sim.stop()
    time.sleep(3)
    sim.start()
    return [finished(process, TIMEOUT_S)]


def late(sim: Simulator, owner: Owner, days: list[date]) -> list[CommandResult]:
    """Let half of each day arrive after the first fetch."""
    for serial, day in itertools.product(sim.serials, days):
        rows = sim.truth(serial, day)
        sim.set_rows(serial, day, rows[: len(rows) // 2])
    first = backfill(owner, days)
    for serial, day in itertools.product(sim.serials, days):
        sim.set_rows(serial, day, None)
    return [first, backfill(owner, days, "--refetch")]


def revised(sim: Simulator, owner: Owner, days: list[date]) -> list[CommandResult]:
    """Change a tenth of the rows after the first fetch."""
    first = backfill(owner, days)
    for serial, day in itertools.product(sim.serials, days):
        rows = sim.truth(serial, day)
        for each in rows[::10]:
            each["power"]["grid"]["voltage"] = 239.9
        sim.set_rows(serial, day, rows)
    return [first, backfill(owner, days, "--refetch")]


@dataclass
class Case:
    """A row: what is injected, and what is done about it.

    Attributes:
        name: The fault or the anomaly.
        settings: Of the simulator.
        plant: Prepares the simulator.
        run: Runs the commands.
        days: The requested days.
        ends: The exit status of each command.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    plant: Callable[[Simulator], object] = lambda _: None
    run: Commands = once
    days: list[date] = field(default_factory=lambda: DAYS)
    ends: tuple[int, ...] = (0,)


def failing(name: str, run: Commands = once, ends: tuple[int, ...] = (0,), **how: Any) -> Case:
    """Return a case in which the requests for one day fail."""
    settings: dict[str, Any] = {key: how.pop(key) for key in ("stall_s", "storm_s") if key in how}
    path = how.pop("path", PLANTED_DAY)
    return Case(name, settings, lambda sim: sim.fail(path, **how), run, ends=ends)


def answering(name: str, body: bytes) -> Case:
    """Return a case in which one response holds no rows, until it is repaired."""
    return Case(
        f"{name}, in one body, then repaired",
        plant=lambda sim: sim.override(f"{sim.serials[0]}/{PLANTED_DAY}", body),
        run=refetched,
        ends=(1, 0),
    )


def cases() -> Iterator[Case]:
    """Yield the rows of the table."""
    yield Case("nothing")
    for share in (0.05, 0.2):
        each = {kind: share / len(TRANSPORT) for kind in TRANSPORT}
        yield Case(f"transport faults of six kinds, {share:.0%}", {"faults": each})
    for kind in (*TRANSPORT, *BODIES, "stall", "stall_body"):
        yield Case(f"`{kind}`, 20% of requests", {"faults": {kind: 0.2}, "stall_s": 2.0})
    yield failing("a stall longer than the time-out, once", fault="stall", stall_s=70.0, times=1)
    yield failing("a storm of 429 without headers, 5 s", fault="storm", storm_s=5.0, times=1)
    yield failing("a storm of 429 without headers, 20 requests", fault="storm", times=1)
    yield Case("a limit of 20 requests a minute", {"rate_limit": 20})
    yield Case("the network away for 3 s in the middle", {"latency_s": 0.1}, run=offline)
    ends = (-9,) * len(KILLS_AT)
    yield Case("`kill -9` in the middle, 5 times", {"latency_s": 0.1}, run=killed, ends=(*ends, 0))
    for status in (500, 403):
        name = f"{status} for one day, then repaired"
        yield failing(name, repaired, (1, 0), status=status)
    yield failing("402 for everything, then repaired", repaired, (1, 0), path="data-points",
                  status=402)  # fmt: skip
    for name, text in NO_ROWS.items():
        yield answering(name, text)
    for kind in ANOMALIES:
        yield Case(f"`{kind}`, 10% of rows", {"anomalies": {kind: 0.1}})
    yield Case("late rows: half of each day comes after the first fetch", run=late)
    yield Case("revised rows: a tenth changes after the first fetch", run=revised)
    yield Case("clock change in spring", days=days_between(date(2025, 3, 28), date(2025, 4, 1)))
    yield Case("clock change in autumn", days=days_between(date(2025, 10, 24), date(2025, 10, 28)))
    yield Case("days on which a device was off", {"empty_day_rate": 0.3})
    yield Case("devices that are gone (404), and without inverter", {"gone": 1})


def data_requests(sim: Simulator) -> list[Any]:
    """Return the requests for data points so far."""
    return [request for request in sim.requests if "data-points" in request.path]


def measured(case: Case, folder: Path) -> list[object]:
    """Run a case, and return the cells of its row."""
    with Simulator(SimulatorConfig(**{**STANDARD, **case.settings})) as sim:
        # Nobody waits for the end of a fault that lasts.
        lasting = case.run in (repaired, refetched)
        patience = {"GIVLAKE_RETRY_S": "0" if lasting else "75"}
        owner = owner_of(sim, folder, "inverter_data_points", **patience)
        case.plant(sim)
        ends = case.run(sim, owner, case.days)
        for number, end in enumerate(ends):
            (folder / f"said-{number}.txt").write_text(f"{end.status}\n{end.out}\n{end.err}")
        return cells(case, sim, owner, ends)


def cells(case: Case, sim: Simulator, owner: Owner, ends: list[CommandResult]) -> list[object]:
    """Compare the tables with the simulator's rows, and count its requests."""
    rows = owner.rows()
    keys = {(each["inverter_serial"], each["time"]) for each in rows}
    of_dataset = "FROM row_accounting WHERE dataset = 'inverter_data_points'"
    (aside,) = owner.sql(f"SELECT coalesce(sum(quarantined), 0)::INT AS n {of_dataset}")
    (unbalanced,) = owner.sql(
        f"SELECT count(*) AS n {of_dataset} AND rows_in != new + identical + superseding"
        " + superseded + quarantined"
    )
    if "anomalies" in case.settings:
        expected = sum(len(sim.truth(serial, day)) for serial in sim.serials for day in case.days)
        lost = expected - len(keys) - aside["n"]
    else:
        wanted = expected_rows(sim, sim.serials, case.days)
        expected, lost = len(wanted), len(wanted.keys() - keys)
        if not lost:
            assert_same(rows, wanted)
    doubled = len(rows) - len(keys)
    requests = Counter(request.path for request in data_requests(sim))
    statuses = tuple(end.status for end in ends)
    right = not (lost or doubled or unbalanced["n"]) and statuses == case.ends
    figures = (expected, len(keys), aside["n"], lost, doubled, requests.total() - len(requests))
    shown = ", ".join(f"{status}" for status in statuses)
    return [case.name, *(f"{n:,}" for n in figures), shown, "yes" if right else "**NO**"]


def main() -> None:
    """Run the cases and print a table."""
    arguments = parser(__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--only", default="", help="cases whose name holds this text")
    options = arguments.parse_args()
    names = ("what", "rows expected", "in tables", "in quarantine", "lost", "doubled")
    print(heading(*names, "requests repeated", "exit", "right"), flush=True)
    folder, wrong = new_folder(options.folder), False
    for number, case in enumerate(each for each in cases() if options.only in each.name):
        found = measured(case, folder / f"{number:02}")
        wrong |= found[-1] != "yes"
        print(row(*found), flush=True)
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
