"""kill -9 at random moments of each kind of work on the stores, then proof that nothing is lost.

    python benchmarks/stores_kills.py FOLDER [--each 20]

After every kill the stores are opened, built and compared: each acknowledged response must be in
the archive, and the tables must equal a rebuild made in another folder from a copy of the archive.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.support.table_content import content_of
from tests.support.toy_decoder import DATASET, ToyDecoder
from warehouse import Lake, build, check, publish, rebuild, refresh_coverage

# What a kill meets in each kind of work is written down by what it left behind.
WORKS = ("flush", "put", "catalogue", "pack", "rebuild")


def kill_once(folder: Path, work: str, seed: int, after_s: float) -> set[int]:
    """Run a worker, kill it, return the responses it had acknowledged."""
    command = [sys.executable, "-m", "tests.support.stores_worker", str(folder), work, str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        time.sleep(after_s)
        worker.kill()
        lines = worker.stdout.read().splitlines()
    return {int(line[4:]) for line in lines if line.startswith("ack ") and line[4:]}


def left_behind(folder: Path) -> list[str]:
    """Say in what state the kill left the folder."""
    found = []
    if any((folder / "index/manifests").glob("*.journal")):
        found.append("decided but unfinished change")
    elif any(any(path.iterdir()) for path in (folder / "staging").iterdir()):
        found.append("staged but undecided change")
    if any(path.is_file() for path in (folder / "tmp").rglob("*") if path.suffix != ".lock"):
        found.append("temporary file")
    packs = [path.stem.split("-") for path in (folder / "archive/packs").glob("*.parquet")]
    segments = [int(path.stem) for path in (folder / "archive/segments").glob("*.parquet")]
    if any(int(first) <= number <= int(last) for first, last in packs for number in segments):
        found.append("pack beside its parts")
    return found or ["nothing"]


def main() -> None:
    """Kill, prove, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=20)
    arguments = parser.parse_args()
    chance = random.Random(1)
    print(
        "| killed during | kills | acknowledged responses lost | wrong device-days | found by "
        "check | left behind at the kill | files left over after the next build |"
    )
    print("|---|---|---|---|---|---|---|")
    for work in WORKS:
        folder = arguments.folder / work
        shutil.rmtree(folder, ignore_errors=True)
        Lake(folder).close()
        acknowledged: set[int] = set()
        states: Counter[str] = Counter()
        lost = wrong = findings = over = 0
        for seed in range(arguments.each):
            acknowledged |= kill_once(folder, work, seed, chance.uniform(0.0, 0.25))
            states.update(left_behind(folder))
            with Lake(folder) as lake:
                build(lake, ToyDecoder())
                refresh_coverage(lake, [])
                publish(lake, ToyDecoder().tables)
                archived = {
                    response.response_id
                    for batch in lake.archive.read(DATASET)
                    for response in batch.responses
                }
                lost += len(acknowledged - archived)
            apart = arguments.folder / "apart"
            shutil.rmtree(apart, ignore_errors=True)
            shutil.copytree(folder / "archive", apart / "archive")
            with Lake(apart) as lake:
                rebuild(lake, ToyDecoder())
            wrong += content_of(folder) != content_of(apart)
            with Lake(folder) as lake:
                findings += len(check(lake))
            over += sum(1 for name in ("tmp", "staging") for _ in (folder / name).iterdir())
        seen = ", ".join(f"{count} x {state}" for state, count in states.most_common())
        print(
            f"| {work} | {arguments.each} | {lost} of {len(acknowledged)} | {wrong} | {findings} "
            f"| {seen} | {over} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
