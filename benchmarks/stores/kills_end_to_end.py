"""Kill `givlake backfill` and `givlake compact` in the middle of each kind of work.

    python -m benchmarks.stores.kills_end_to_end FOLDER [--each 17]

The simulator answers with faults. Each round backfills six days of its own and is killed in one of
six kinds of work: a watcher looks for the files of that work, and a random delay follows. What the
kill left behind is counted. After each kind `givlake sync` completes what was begun. In the end the
whole range is requested once more, as a command may have died before it noted the range; then every
device-day is compared with the simulator's.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from benchmarks.common import heading, new_folder, owner_of, parser, print_load, row
from simulator import Simulator, SimulatorConfig
from simulator.http.request_log import RequestRecord
from tests.support.owner import Owner
from tests.support.simulator_truth import assert_same, expected_rows

FIRST = date(2024, 1, 1)
DAYS_A_ROUND = 6
FAULTS = {"5xx": 0.03, "reset": 0.02, "truncated": 0.02}
ROUND_LIMIT_S = 40.0
# Each kind of work, and for how long after the first sign of it it mostly goes on.
DELAYS_S = {
    "fetch": 0.05, "flush": 0.003, "table put": 0.03, "catalogue": 0.03, "Dagster": 0.0,
    "compaction": 0.003,
}  # fmt: skip


def scratch_files(data: Path) -> Iterator[Path]:
    """Yield the files in the folders of living processes."""
    for folder in (data / "tmp").iterdir():
        if folder.is_dir():
            try:
                yield from folder.iterdir()
            except FileNotFoundError:
                continue


def staged(data: Path) -> bool:
    """Tell whether tables are being staged or put in place."""
    folder = data / "staging" / "build-inverter_data_points"
    journals = (data / "index/manifests").glob("build-*.journal")
    return (folder.exists() and any(folder.iterdir())) or any(journals)


def writing_archive(data: Path) -> bool:
    """Tell whether an archive file is being written (its temporary name is 32 hex digits)."""
    return any(len(path.name) == 32 for path in scratch_files(data))


def writing_catalogue(data: Path) -> bool:
    """Tell whether the catalogue is being made."""
    return any(path.name.startswith("warehouse.duckdb") for path in scratch_files(data))


def dagster_state(data: Path) -> tuple[object, ...]:
    """Return what changes when Dagster writes an event: sizes and times of its SQLite files."""
    found = []
    for folder in (data / "dagster/history", data / "dagster/history/runs"):
        for entry in os.scandir(folder) if folder.exists() else ():
            with contextlib.suppress(FileNotFoundError):
                stat = entry.stat()
                found.append((entry.name, stat.st_size, stat.st_mtime_ns))
    return tuple(sorted(found))


def packs(data: Path) -> int:
    """Count packs."""
    return sum(1 for _ in (data / "archive/packs").iterdir())


@dataclass
class Kinds:
    """What was killed, and what was found then."""

    kills: int = 0
    missed: int = 0
    found: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    sync_s: float = 0.0
    syncs: int = 0


class Rounds:
    """The account, the owner and what has been asked for so far."""

    def __init__(self, sim: Simulator, owner: Owner) -> None:
        self.sim = sim
        self.owner = owner
        self.chance = random.Random(11)
        self.rounds = 0
        self.days: list[date] = []
        self.kills: list[float] = []

    def killed_in(self, kind: str, outcome: Kinds) -> None:
        """Start a backfill or compaction, kill it in the chosen step, return what was found."""
        first = FIRST + timedelta(days=DAYS_A_ROUND * self.rounds)
        last = first + timedelta(days=DAYS_A_ROUND - 1)
        self.rounds += 1
        data = self.owner.data
        command: tuple[object, ...] = ("backfill", "--start", first, "--end", last)
        self.days += [first + timedelta(days=at) for at in range(DAYS_A_ROUND)]
        if kind == "compaction":
            self.owner.process(*command)
            command = ("compact",)
        if kind == "catalogue":
            (data / "warehouse.duckdb").unlink(missing_ok=True)
        answered = len(self.data_requests())
        process = self.owner.start(*command)
        met = self.aim(kind, process, answered)
        if met:
            time.sleep(self.chance.uniform(0.0, DELAYS_S[kind]))
        ended = process.poll() is not None
        on_their_way = any(r.duration_s is None for r in self.data_requests()[-8:])
        process.kill()
        process.communicate()
        self.kills.append(time.monotonic())
        if ended or not met:
            outcome.missed += 1
            return
        outcome.kills += 1
        found = self.found() + (["requests on their way"] if on_their_way else [])
        outcome.found.update(found or ["nothing unfinished"])

    def aim(self, kind: str, process: subprocess.Popen[bytes], answered: int) -> bool:
        """Wait for the work meant; False if the command ended before."""
        data, deadline = self.owner.data, time.monotonic() + ROUND_LIMIT_S
        wanted = self.chance.randint(3, 14)
        writes, seen = 0, dagster_state(data) if kind == "Dagster" else ()
        before = packs(data)
        sign = self.rounds % 2

        def fetched() -> int:
            return len(self.data_requests()) - answered

        # Several looks a millisecond: some of the works take no longer.
        while process.poll() is None and time.monotonic() < deadline:
            match kind:
                case "fetch":
                    met = fetched() >= wanted
                case "flush":
                    met = writing_archive(data) and fetched() > 0
                case "table put":
                    met = staged(data) and fetched() > 0
                case "catalogue":
                    met = writing_catalogue(data)
                case "compaction":
                    met = (sign and writing_archive(data)) or packs(data) != before
                case _:
                    now = dagster_state(data)
                    writes += now != seen
                    seen = now
                    met = writes >= 3 * wanted
            if met:
                return True
            time.sleep(0.0002)
        return False

    def found(self) -> list[str]:
        """Say in what state the kill left the folder."""
        data, found = self.owner.data, []
        if any((data / "index/manifests").glob("*.journal")):
            found.append("change decided, not finished")
        elif any(any(path.iterdir()) for path in (data / "staging").iterdir()):
            found.append("change staged, not decided")
        if writing_archive(data):
            found.append("archive file half written")
        if writing_catalogue(data):
            found.append("catalogue half made")
        packs = [path.stem.split("-") for path in (data / "archive/packs").glob("*.parquet")]
        segments = [int(path.stem) for path in (data / "archive/segments").glob("*.parquet")]
        if any(int(low) <= number <= int(high) for low, high in packs for number in segments):
            found.append("pack beside its segments")
        if any(path.stat().st_size for path in (data / "dagster").rglob("*-journal")):
            found.append("Dagster's transaction open")
        if any(path.stat().st_size for path in (data / "dagster").rglob("*-wal")):
            found.append("Dagster's write-ahead log not merged")
        return found

    def sync(self, outcome: Kinds) -> None:
        """Let sync finish what was begun; the faults go on, so it may take another."""
        begun = time.monotonic()
        for _ in range(6):
            outcome.syncs += 1
            done = self.owner.process("sync")
            if "Traceback" in done.output:
                sys.exit(done.output)
            if done.status == 0:
                break
        outcome.sync_s = time.monotonic() - begun
        outcome.left.update(self.left_over())

    def left_over(self) -> list[str]:
        """Name temporary files that nobody will remove."""
        data = self.owner.data
        left = [path.name for path in (data / "tmp").iterdir()]
        left += [path.name for path in (data / "staging").iterdir()]
        left += [path.name for path in (data / "index/manifests").glob("*.journal")]
        return left

    def data_requests(self) -> list[RequestRecord]:
        """Return the requests for days so far."""
        return [request for request in self.sim.requests if "data-points" in request.path]


def repeated(sim: Simulator, kills: list[float]) -> tuple[int, int, float]:
    """Count successful responses, those requested again, and their age at the kill (s)."""
    first: dict[str, float] = {}
    again, oldest_s = 0, 0.0
    for request in sim.requests:
        good = request.complete and request.status == 200 and request.fault is None
        if not good or "data-points" not in request.path:
            continue
        given = first.setdefault(request.path, request.received_at)
        if given != request.received_at:
            again += 1
            oldest_s = max(oldest_s, min(kill for kill in kills if kill > given) - given)
    return len(first), again, oldest_s


def dagster_runs(data: Path) -> Counter[str]:
    """Count Dagster's runs by what it believes of them, and prove its databases."""
    for path in (data / "dagster").rglob("*.db"):
        with sqlite3.connect(path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), path
    with sqlite3.connect(data / "dagster/history/runs.db") as connection:
        return Counter(status for (status,) in connection.execute("SELECT status FROM runs"))


def compare(rounds: Rounds) -> None:
    """Request the whole range again, and compare every device-day with the simulator's."""
    sim, owner, days = rounds.sim, rounds.owner, rounds.days
    before = len(rounds.data_requests())
    for _ in range(4):
        if owner.process("backfill", "--start", days[0], "--end", days[-1]).status == 0:
            break
    print(f"Requests of the commands run again: {len(rounds.data_requests()) - before}.")
    rows = [one for one in owner.rows() if one["request_date"] in set(days)]
    assert_same(rows, expected_rows(sim, sim.serials, days))
    print(f"{len(days) * len(sim.serials):,} device-days, {len(rows):,} rows: all as sent.")
    good, again, oldest_s = repeated(sim, rounds.kills)
    print(f"{good:,} successful responses; {again} repeated, at most {oldest_s:.0f} s old at kill.")
    print("Dagster's runs:", dict(dagster_runs(owner.data)))
    print(owner.process("check").output, owner.process("verify").output, sep="\n")


def main() -> None:
    """Kill, go on, compare, count."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("folder", type=Path)
    add("--each", type=int, default=17, help="kills of each kind")
    add("--kinds", nargs="*", default=list(DELAYS_S), choices=DELAYS_S)
    add("--datasets", nargs="*", default=["inverter_data_points", "energy_flows"])
    add("--seconds", type=float, default=900, help="begin no round after this")
    options = arguments.parse_args()
    folder = new_folder(options.folder)
    config = SimulatorConfig(
        inverters=3, seed=7, rate_limit=100_000, rows_per_day=96, latency_s=0.04,
        latency_jitter_s=0.1, faults=FAULTS, stall_s=2.0, commissioned=FIRST, empty_day_rate=0.0,
    )  # fmt: skip
    begun = time.monotonic()
    print_load()
    with Simulator(config) as sim:
        rounds = Rounds(sim, owner_of(sim, folder, *options.datasets, GIVLAKE_RETRY_S="4"))
        rounds.owner.process("status")
        names = ("killed during", "kills", "moment missed", "what the kill left behind", "syncs")
        print(heading(*names, "s", "left over after them"))
        for kind in options.kinds:
            outcome = Kinds()
            while outcome.kills < options.each and outcome.missed < 2 * options.each:
                if time.monotonic() - begun > options.seconds:
                    break
                rounds.killed_in(kind, outcome)
            rounds.sync(outcome)
            found = ", ".join(f"{count} x {what}" for what, count in outcome.found.most_common())
            left = ", ".join(sorted(outcome.left)) or "nothing"
            figures = (outcome.syncs, f"{outcome.sync_s:.0f}", left)
            print(row(kind, outcome.kills, outcome.missed, found, *figures), flush=True)
        print()
        compare(rounds)
    print_load()


if __name__ == "__main__":
    main()
