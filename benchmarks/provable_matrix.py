"""Every fault and every kind of odd content, each in a real `givlake backfill`: what came of it.

    python benchmarks/provable_matrix.py FOLDER [--only TEXT] [--write FILE]

Each row of the table is a simulated account and a data folder of its own. The command runs as a
process, with its usual patience. Afterwards the tables are compared with what the simulator holds:
leaf by leaf where content is sound; where it is odd, every row that was sent must be in a table or
in quarantine, once. What the API was asked comes from the simulator's own log.

All that each command said is kept as `FOLDER/NN/said-N.txt`. Ends with 1 where a row is not as it
must be: an exit status, or a row lost or doubled.
"""

import argparse
import itertools
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from simulator import Simulator, SimulatorConfig
from tests.support.owner import Done, Owner, finished
from tests.support.simulator_truth import assert_same, days_between, expected_rows

FIRST = date(2025, 5, 1)
DAYS = days_between(FIRST, FIRST + timedelta(days=14))
# A storm of twenty refusals is probed once a minute.
PATIENCE_S = 1500
MACHINE_SAYS = "Fetched"


@dataclass
class Case:
    """A row: what is injected, how, and what is done about it.

    Attributes:
        name: The fault or the odd content.
        settings: Of the simulator.
        order: What the simulator is told before the backfill.
        run: Runs the commands; None for one backfill.
        days: The days asked for.
        odd: Whether content is odd, so that rows are counted and not compared.
        injected: Counts what was injected; None for the simulator's own count of faults.
        ends: The exit status that each command must have; by default 0 of all.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    order: Callable[[Simulator], None] | None = None
    run: Callable[[Simulator, Owner, list[date]], list[Done]] | None = None
    days: list[date] = field(default_factory=lambda: DAYS)
    odd: bool = False
    injected: Callable[[Simulator], int] | None = None
    ends: tuple[int, ...] = (0,)


def backfill(owner: Owner, days: list[date], *more: str) -> Done:
    arguments = ("backfill", "--start", days[0], "--end", days[-1], *more)
    return finished(owner.start(*arguments), PATIENCE_S)


def twice(sim: Simulator, owner: Owner, days: list[date]) -> list[Done]:
    """The command, and once more when the fault is over."""
    first = backfill(owner, days)
    sim.clear_failures()
    sim.set_faults({})
    return [first, backfill(owner, days)]


def killed(sim: Simulator, owner: Owner, days: list[date]) -> list[Done]:
    """Kill the command five times in the middle of its work, then let it finish."""
    ends = []
    for wanted in (4, 9, 14, 19, 24):
        process = owner.start("backfill", "--start", days[0], "--end", days[-1])
        while process.poll() is None and answered(sim) < wanted:
            time.sleep(0.002)
        process.kill()
        ends.append(finished(process))
    return [*ends, backfill(owner, days)]


def answered(sim: Simulator) -> int:
    return sum("data-points" in request.path for request in sim.requests)


def late(sim: Simulator, owner: Owner, days: list[date]) -> list[Done]:
    """Half of each day is not there yet when the days are fetched, and is when they are again."""
    for serial, day in itertools.product(sim.serials, days):
        rows = sim.truth(serial, day)
        sim.set_rows(serial, day, rows[: len(rows) // 2])
    first = backfill(owner, days)
    for serial, day in itertools.product(sim.serials, days):
        sim.set_rows(serial, day, None)
    return [first, backfill(owner, days, "--again")]


def revised(sim: Simulator, owner: Owner, days: list[date]) -> list[Done]:
    """The API changes a tenth of the rows after they were fetched."""
    first = backfill(owner, days)
    for serial, day in itertools.product(sim.serials, days):
        rows = sim.truth(serial, day)
        for row in rows[::10]:
            row["power"]["grid"]["voltage"] = 239.9
        sim.set_rows(serial, day, rows)
    return [first, backfill(owner, days, "--again")]


def offline(sim: Simulator, owner: Owner, days: list[date]) -> list[Done]:
    """The network goes away in the middle and comes back."""
    process = owner.start("backfill", "--start", days[0], "--end", days[-1])
    while process.poll() is None and answered(sim) < 8:
        time.sleep(0.005)
    sim.stop()
    time.sleep(3)
    sim.start()
    return [finished(process, PATIENCE_S)]


def rate(kind: str, share: float, **settings: Any) -> Case:
    return Case(f"`{kind}`, {share:.0%} of requests", {"faults": {kind: share}, **settings})


def odd(kind: str, share: float = 0.1) -> Case:
    return Case(
        f"`{kind}`, {share:.0%} of rows",
        {"anomalies": {kind: share}},
        odd=True,
        injected=lambda sim: sum(
            len(sim.anomalous_rows(serial, day)) for serial in sim.serials for day in DAYS
        ),
    )


def body(text: bytes) -> Callable[[Simulator], None]:
    def order(sim: Simulator) -> None:
        sim.override(f"{sim.serials[0]}/data-points/{DAYS[3]}", text)

    return order


def cases() -> Iterator[Case]:
    yield Case("nothing")
    mixed = ("5xx", "reset", "reset_body", "close", "truncated", "truncated_length")
    for share in (0.05, 0.2):
        each = {kind: share / len(mixed) for kind in mixed}
        yield Case(f"transport faults of six kinds, {share:.0%}", {"faults": each})
    for kind in ("5xx", "reset", "reset_body", "close", "truncated", "truncated_length"):
        yield rate(kind, 0.2)
    for kind in ("empty", "null", "no_data", "html", "not_json", "gzip_broken"):
        yield rate(kind, 0.2)
    yield rate("stall", 0.2, stall_s=2.0)
    yield rate("stall_body", 0.2, stall_s=2.0)
    yield Case(
        "a stall longer than the time-out of 60 s, once",
        {"stall_s": 70.0},
        lambda sim: sim.fail(f"data-points/{DAYS[3]}", fault="stall", times=1),
    )
    yield Case(
        "a storm of 429 without headers, for 5 s",
        {"storm_s": 5.0},
        lambda sim: sim.fail(f"data-points/{DAYS[3]}", fault="storm", times=1),
    )
    yield Case(
        "a storm of 429 without headers, for 20 requests",
        order=lambda sim: sim.fail(f"data-points/{DAYS[3]}", fault="storm", times=1),
    )
    yield Case("a limit of 20 requests a minute", {"rate_limit": 20})
    yield Case("the network away for 3 s in the middle", {"latency_s": 0.1}, run=offline)
    yield Case(
        "`kill -9` in the middle, five times",
        {"latency_s": 0.1},
        run=killed,
        injected=lambda sim: 5,
        ends=(-9, -9, -9, -9, -9, 0),
    )
    yield Case(
        "one device-day answers 500 for ever, then is mended",
        order=lambda sim: sim.fail(f"{sim.serials[0]}/data-points/{DAYS[3]}", status=500),
        run=twice,
        ends=(1, 0),
    )
    yield Case(
        "403 for one device-day, then is mended",
        order=lambda sim: sim.fail(f"{sim.serials[0]}/data-points/{DAYS[3]}", status=403),
        run=twice,
        ends=(1, 0),
    )
    yield Case(
        "402 for everything, then is mended",
        order=lambda sim: sim.fail("data-points", status=402),
        run=twice,
        ends=(1, 0),
    )
    for what, text in (
        ("rows that are no objects, in one body", b'{"data": [1, "x", null, []]}'),
        ("an object where the list should be, in one body", b'{"data": {"x": 1}}'),
        ("a text where the list should be, in one body", b'{"data": "nonsense"}'),
    ):
        yield Case(f"{what}, then is mended", order=body(text), run=mended_body, ends=(1, 0))
    for kind in (
        "numeric_strings", "unknown_status", "extra_fields", "unparsable_time", "missing_time",
        "null_time", "out_of_range", "booleans", "nested_null", "null_counters", "arrays_null",
        "arrays_empty", "arrays_three", "wrong_types", "not_an_object", "duplicate_row",
        "out_of_order",
    ):  # fmt: skip
        yield odd(kind)
    yield Case("late rows: half of each day comes after the first fetch", run=late)
    yield Case("revised rows: a tenth changes after the first fetch", run=revised)
    yield Case("clock change in spring", days=days_between(date(2025, 3, 28), date(2025, 4, 1)))
    yield Case("clock change in autumn", days=days_between(date(2025, 10, 24), date(2025, 10, 28)))
    yield Case("days on which a device was off", {"empty_day_rate": 0.3})
    yield Case("devices that are gone (404), and without inverter", {"gone": 1})


def mended_body(sim: Simulator, owner: Owner, days: list[date]) -> list[Done]:
    first = backfill(owner, days)
    sim.clear_failures()
    return [first, backfill(owner, days, "--again")]


def measured(case: Case, folder: Path) -> list[str]:
    """Run a case, and give the cells of its row."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    standard = {
        "inverters": 2,
        "seed": 7,
        "rate_limit": 100_000,
        "rows_per_day": 100,
        "empty_day_rate": 0.0,
        "commissioned": date(2024, 1, 1),
    }
    with Simulator(SimulatorConfig(**{**standard, **case.settings})) as sim:
        environment = {"GIVENERGY_API_URL": sim.base_url, "GIVLAKE_RETRY_S": "75"}
        if case.run in (twice, mended_body):
            # The fault lasts: nobody waits for its end.
            environment["GIVLAKE_RETRY_S"] = "0"
        owner = Owner(folder, environment, token=sim.token)
        if case.order is not None:
            case.order(sim)
        ends = (case.run or (lambda _, mine, days: [backfill(mine, days)]))(sim, owner, case.days)
        for number, end in enumerate(ends):
            (folder / f"said-{number}.txt").write_text(f"{end.status}\n{end.out}\n{end.err}")
        return cells(case, sim, owner, ends)


def cells(case: Case, sim: Simulator, owner: Owner, ends: list[Done]) -> list[str]:
    rows = owner.rows()
    keys = {(row["inverter_serial"], row["time"]) for row in rows}
    sent = sum(len(sim.truth(serial, day)) for serial in sim.serials for day in case.days)
    of_dataset = "FROM row_accounting WHERE dataset = 'inverter_data_points'"
    (aside,) = owner.sql(f"SELECT coalesce(sum(quarantined), 0)::INT AS n {of_dataset}")
    (balance,) = owner.sql(
        f"SELECT count(*) AS n {of_dataset} AND rows_in != new + identical + superseding"
        " + superseded + quarantined"
    )
    if case.odd:
        expected, lost = sent, sent - len(keys) - aside["n"]
    else:
        wanted = expected_rows(sim, sim.serials, case.days)
        expected, lost = len(wanted), len(wanted.keys() - keys)
        if not lost:
            assert_same(rows, wanted)
    wrong = []
    if balance["n"]:
        wrong.append(f"{balance['n']} responses whose rows do not add up")
    if tuple(dict.fromkeys(end.status for end in ends)) != tuple(dict.fromkeys(case.ends)):
        wrong.append(f"exit status not {case.ends}")
    if lost or len(rows) != len(keys):
        wrong.append("rows lost or doubled")
    of_days = [request for request in sim.requests if "data-points" in request.path]
    times = Counter(request.path for request in of_days)
    good = Counter(
        request.path
        for request in of_days
        if request.status == 200 and request.complete and request.fault in (None, "stall_body")
    )
    faults = sim.stats()["faults"]
    injected = case.injected(sim) if case.injected else sum(faults.values())
    figures = [
        injected or "",
        expected,
        len(keys),
        aside["n"],
        lost,
        len(rows) - len(keys),
        sum(times.values()) - len(times),
        sum(good.values()) - len(good),
    ]
    text = f"**WRONG: {', '.join(wrong)}**; {said(ends)}" if wrong else said(ends)
    return [case.name, *(f"{n:,}" if isinstance(n, int) else n for n in figures), text]


def said(ends: list[Done]) -> str:
    """What the user saw: each command's exit status and its last lines."""
    parts = []
    for end in ends:
        lines = [line for line in end.out.splitlines() if not line.startswith(MACHINE_SAYS)]
        # Of a traceback, which there must be none of, the last line.
        lines += end.err.splitlines()[-1:] if "Traceback" in end.err else []
        text = "; ".join(line.strip() for line in lines if line.strip())
        text = text if len(text) <= 260 else f"{text[:260]}…"
        parts.append(f"{end.status}: {text}" if text else str(end.status))
    shown = [f"{part} ({n} times)" if n > 1 else part for part, n in Counter(parts).items()]
    return " · then ".join(shown).replace("|", "\\|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    parser.add_argument("--skip", type=int, default=0, help="leave out the first rows")
    parser.add_argument("--take", type=int, help="stop after so many rows")
    parser.add_argument("--write", type=Path, help="a file for the table, as Markdown")
    given = parser.parse_args()
    head = [
        "what", "injected", "rows expected", "in tables", "in quarantine", "lost", "doubled",
        "requests repeated", "good ones repeated", "what the user saw (exit status: text)",
    ]  # fmt: skip
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * 8}---|"]
    print("\n".join(lines), flush=True)
    chosen = [case for case in cases() if given.only in case.name]
    end = None if given.take is None else given.skip + given.take
    for number, case in list(enumerate(chosen))[given.skip : end]:
        row = measured(case, given.folder / f"{number:02}")
        lines.append(f"| {' | '.join(map(str, row))} |")
        print(lines[-1], flush=True)
    if given.write:
        note = {"rows": len(chosen), "when": f"{datetime.now(UTC):%Y-%m-%d}"}
        given.write.write_text("\n".join(lines) + "\n")
        print(json.dumps(note))
    if any("**WRONG" in line for line in lines):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
