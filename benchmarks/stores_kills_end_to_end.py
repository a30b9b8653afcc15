"""kill -9 of the real command in the middle of a backfill, aimed at what it is writing.

    python benchmarks/stores_kills_end_to_end.py FOLDER [--each 17]

The simulator answers with faults. Each round backfills six days of its own, which nobody asked for
before, and is killed in one of six kinds of work; the moment is found by watching for the files of
that work, and a random delay follows; what lay there after the kill is counted. After each kind
``givlake sync`` finishes what was begun. A command that died before it had noted what was wanted
is given again in the end; then every device-day is compared with the truth.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from simulator import Simulator, SimulatorConfig
from simulator.http.request_log import RequestRecord
from tests.support.owner import Done, Owner, finished
from tests.support.simulator_truth import assert_same, expected_rows

FIRST = date(2024, 1, 1)
DAYS_A_ROUND = 6
FAULTS = {"5xx": 0.03, "reset": 0.02, "truncated": 0.02}
ROUND_LIMIT_S = 40.0
COMMAND_LIMIT_S = 300.0


class PatientOwner(Owner):
    """An owner on a busy machine."""

    def process(self, *arguments: object) -> Done:
        """Run a command as a process of its own, to its end."""
        return finished(self.start(*arguments), COMMAND_LIMIT_S)


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
        """Start a backfill (or a packing), kill it in the work meant, and say what was found."""
        first = FIRST + timedelta(days=DAYS_A_ROUND * self.rounds)
        last = first + timedelta(days=DAYS_A_ROUND - 1)
        self.rounds += 1
        data = self.owner.data
        command: tuple[object, ...] = ("backfill", "--start", first, "--end", last)
        self.days += [first + timedelta(days=at) for at in range(DAYS_A_ROUND)]
        if kind == "packing":
            self.owner.process(*command)
            command = ("pack",)
        if kind == "catalogue":
            (data / "warehouse.duckdb").unlink(missing_ok=True)
        answered = len(self.data_requests())
        self.sim.configure(latency_s=0.9 if kind == "slow fetch" else 0.04)
        self.owner.settings["GIVLAKE_CONNECTIONS"] = "1" if kind == "slow fetch" else "8"
        process = self.owner.start(*command)
        met = self.aim(kind, process, answered)
        if met:
            time.sleep(self.chance.uniform(0.0, self.delay_s(kind)))
        ended = process.poll() is not None
        on_their_way = any(r.duration_s is None for r in self.data_requests()[-8:])
        process.kill()
        process.communicate()
        self.kills.append(time.monotonic())
        self.sim.configure(latency_s=0.04)
        self.owner.settings["GIVLAKE_CONNECTIONS"] = "8"
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
        # Several looks a millisecond: some of the works take no longer.
        while process.poll() is None and time.monotonic() < deadline:
            if kind == "fetch" and len(self.data_requests()) - answered >= wanted:
                return True
            if kind == "flush" and writing_archive(data) and len(self.data_requests()) > answered:
                return True
            if kind == "table put" and staged(data) and len(self.data_requests()) > answered:
                return True
            if kind == "catalogue" and writing_catalogue(data):
                return True
            if kind == "slow fetch" and len(self.data_requests()) - answered >= 10 + wanted // 2:
                return True
            if kind == "packing" and sign and writing_archive(data):
                return True
            if kind == "packing" and packs(data) != before:
                return True
            if kind == "Dagster":
                now = dagster_state(data)
                writes += now != seen
                seen = now
                if writes >= 3 * wanted:
                    return True
            time.sleep(0.0002)
        return False

    def delay_s(self, kind: str) -> float:
        """Return within what time after the first sign the work is still going on, mostly."""
        return {"fetch": 0.05, "slow fetch": 0.5, "flush": 0.003, "table put": 0.03,
                "catalogue": 0.03, "packing": 0.003, "Dagster": 0.0}[kind]  # fmt: skip

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
            found.append("pack beside its parts")
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
            if "Traceback" in done.said:
                sys.exit(done.said)
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
        """The requests for days so far."""
        return [request for request in self.sim.requests if "data-points" in request.path]


def repeated(sim: Simulator, kills: list[float]) -> tuple[int, int, float]:
    """Count good answers, those given again, and how old these were when killed (s)."""
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


def main() -> None:
    """Kill, go on, compare, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=17)
    parser.add_argument("--kinds", nargs="*")
    parser.add_argument(
        "--datasets", nargs="*", default=["inverter_data_points", "energy_flows"],
        help="none: all",
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, default=900, help="begin no round after this")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    config = SimulatorConfig(
        inverters=3, seed=7, rate_limit=100_000, rows_per_day=96, latency_s=0.04,
        latency_jitter_s=0.1, faults=FAULTS, stall_s=2.0, commissioned=FIRST, empty_day_rate=0.0,
    )  # fmt: skip
    kinds = arguments.kinds or [
        "slow fetch", "fetch", "flush", "table put", "catalogue", "Dagster", "packing",
    ]  # fmt: skip
    begun = time.monotonic()
    with Simulator(config) as sim:
        settings = {
            "GIVENERGY_API_URL": sim.base_url,
            "GIVLAKE_RETRY_S": "4",
            "GIVLAKE_DATASETS": ",".join(arguments.datasets),
        }
        owner = PatientOwner(arguments.folder, settings, token=sim.token)
        rounds = Rounds(sim, owner)
        outcomes = {kind: Kinds() for kind in kinds}
        owner.process("status")
        print(
            "| killed during | kills | moment missed | what the kill left behind | syncs | s "
            "| left over after them |\n|---|---|---|---|---|---|---|"
        )
        for kind, outcome in outcomes.items():
            each = min(arguments.each, 3) if kind == "slow fetch" else arguments.each
            while outcome.kills < each and outcome.missed < 2 * each:
                if time.monotonic() - begun > arguments.seconds:
                    break
                rounds.killed_in(kind, outcome)
            rounds.sync(outcome)
            found = ", ".join(f"{count} x {what}" for what, count in outcome.found.most_common())
            left = ", ".join(sorted(outcome.left)) or "nothing"
            print(
                f"| {kind} | {outcome.kills} | {outcome.missed} | {found} | {outcome.syncs} "
                f"| {outcome.sync_s:.0f} | {left} |",
                flush=True,
            )
        asked = rounds.days
        before = len(rounds.data_requests())
        for _ in range(4):
            last = owner.process("backfill", "--start", asked[0], "--end", asked[-1])
            if last.status == 0:
                break
        print(f"\nRequests of the commands given again: {len(rounds.data_requests()) - before}.")
        rows = [row for row in owner.rows() if row["request_date"] in set(asked)]
        assert_same(rows, expected_rows(sim, sim.serials, asked))
        print(
            f"{len(asked) * len(sim.serials):,} device-days, {len(rows):,} rows: all as in truth."
        )
        good, again, oldest_s = repeated(sim, rounds.kills)
        print(
            f"{good:,} good answers; given again {again}, at most {oldest_s:.0f} s old when killed."
        )
        print("Dagster's runs:", dict(dagster_runs(owner.data)))
        print(f"{time.monotonic() - begun:.0f} s in all.")
        print(owner.process("check").said)
        print(owner.process("verify").said)


if __name__ == "__main__":
    main()
